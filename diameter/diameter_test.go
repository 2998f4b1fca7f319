package diameter_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"homeagent/diameter"
)

// octets reads hexadecimal digits, ignoring white space, so that rows can be
// laid out field by field.
func octets(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatalf("reading the octets of a row: %v", err)
	}
	return b
}

// parse is Parse of a frame that is whole.
func parse(t testing.TB, frame []byte) *diameter.Message {
	t.Helper()
	m, err := diameter.Parse(frame)
	if err != nil {
		t.Fatalf("parsing %x: %v", frame, err)
	}
	return m
}

// codeOf returns the Result-Code an error stands for, 0 for no error.
func codeOf(t testing.TB, err error) diameter.ResultCode {
	t.Helper()
	var failure *diameter.Failure
	var frame *diameter.FrameError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failure):
		return failure.Code
	case errors.As(err, &frame):
		return frame.Code
	}
	t.Fatalf("error %v has no Result-Code", err)
	return 0
}
