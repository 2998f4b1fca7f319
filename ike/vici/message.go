package vici

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	govici "github.com/strongswan/govici/vici"
)

// A message is built from fields; those without a value are left out, so that
// charon's default applies.
type field func(*govici.Message)

func newMessage(fields ...field) *govici.Message {
	m := govici.NewMessage()
	for _, f := range fields {
		f(m)
	}
	return m
}

// set stores one of the three types for which govici's Set cannot fail.
func set[T string | []string | *govici.Message](m *govici.Message, key string, value T) {
	_ = m.Set(key, value)
}

func str(key, value string) field {
	return func(m *govici.Message) {
		if value != "" {
			set(m, key, value)
		}
	}
}

func list(key string, values []string) field {
	return func(m *govici.Message) {
		if len(values) > 0 {
			set(m, key, values)
		}
	}
}

func section(key string, fields ...field) field {
	return func(m *govici.Message) { set(m, key, newMessage(fields...)) }
}

func yesNo(key string, value bool) field {
	if value {
		return str(key, "yes")
	}
	return str(key, "no")
}

// seconds rounds up, so that a short time does not become 0, which means
// never.
func seconds(key string, d time.Duration) field {
	if d == 0 {
		return str(key, "")
	}
	return str(key, strconv.Itoa(int(math.Ceil(d.Seconds())))+"s")
}

func number(key string, n uint32) field {
	if n == 0 {
		return str(key, "")
	}
	return str(key, strconv.FormatUint(uint64(n), 10))
}

// checkSize finds out whether a request can be encoded and is small enough for
// charon, before it does harm to the connection.
func checkSize(m *govici.Message) error {
	size, err := sizeOf(m)
	if err == nil && size > maxRequest {
		err = fmt.Errorf("the request has %d octets (must be up to %d)", size, maxRequest)
	}
	return err
}

func sizeOf(m *govici.Message) (int, error) {
	size := 64 // header and command
	if m == nil {
		return size, nil
	}
	for _, key := range m.Keys() {
		n, err := sizeOfValue(key, m)
		if err != nil {
			return 0, err
		}
		size += n + len(key) + 4
	}
	return size, nil
}

func sizeOfValue(key string, m *govici.Message) (int, error) {
	if len(key) == 0 || len(key) > math.MaxUint8 {
		return 0, fmt.Errorf("the name %.20q has %d octets (must be 1 to %d)", key, len(key), math.MaxUint8)
	}
	size := 0
	switch v := m.Get(key).(type) {
	case string:
		return checkValue(key, v)
	case []string:
		for _, item := range v {
			n, err := checkValue(key, item)
			if err != nil {
				return 0, err
			}
			size += n + 3
		}
	case *govici.Message:
		return sizeOf(v)
	}
	return size, nil
}

// checkValue must not show the value: it can be a key.
func checkValue(key, value string) (int, error) {
	if len(value) > math.MaxUint16 {
		return 0, fmt.Errorf("the value of %q has %d octets (must be up to %d)", key, len(value), math.MaxUint16)
	}
	return len(value), nil
}

// text reads a value of an answer; "" when there is none.
func text(m *govici.Message, key string) string {
	s, _ := m.Get(key).(string)
	return s
}

func texts(m *govici.Message, key string) []string {
	s, _ := m.Get(key).([]string)
	return s
}

func sub(m *govici.Message, key string) *govici.Message {
	if s, ok := m.Get(key).(*govici.Message); ok {
		return s
	}
	return govici.NewMessage()
}

func unsigned(m *govici.Message, key string) uint32 {
	n, _ := strconv.ParseUint(text(m, key), 10, 32)
	return uint32(n)
}

// address reads an address as charon prints it; the zero Addr when it is none.
func address(m *govici.Message, key string) netip.Addr {
	a, _ := netip.ParseAddr(text(m, key))
	return a
}

// date reads a point in time as charon prints it, such as
// "Nov 23 02:14:10 2026", in the local time zone.
func date(s string) (time.Time, error) {
	return time.ParseInLocation("Jan 2 15:04:05 2006", strings.Join(strings.Fields(s), " "), time.Local)
}
