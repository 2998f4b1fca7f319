package peer_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"testing"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// BenchmarkRequests measures requests and answers of the size of HMR and HMA
// over loopback, with a number of them outstanding: through a Table whose
// handler does no work, and through a server that only finds the frames and
// writes back octets prepared before, which is the limit.
func BenchmarkRequests(b *testing.B) {
	servers := []struct {
		name  string
		start func(b *testing.B) net.Conn
	}{
		{"Bare", bareServer},
		{"Table", func(b *testing.B) net.Conn { return benchTable(b, config()) }},
		{"Table TLS", benchTLS},
	}
	for _, outstanding := range []int{1, 8, 64} {
		for _, s := range servers {
			b.Run(fmt.Sprintf("%s/%d", s.name, outstanding), func(b *testing.B) {
				nc := s.start(b)
				defer nc.Close()
				b.ResetTimer()
				exchange(b, nc, outstanding)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
			})
		}
	}
}

// benchRequest has about the size of an HMR, and benchAnswer of an HMA.
func benchRequest() []byte {
	m := hmr("aaa.home.example;1700000000;1")
	m.Add(diameter.NewOctets(4, vendor, diameter.AVPMandatory, make([]byte, 190)))
	return m.Append(nil)
}

func benchAnswer(req *diameter.Message) *diameter.Message {
	m := diameter.NewAnswer(req, identity, diameter.Success)
	m.Add(diameter.NewOctets(avp.Class, 0, diameter.AVPMandatory, make([]byte, 100)))
	return m
}

// exchange sends b.N requests with so many outstanding and reads the answers.
func exchange(b *testing.B, nc net.Conn, outstanding int) {
	b.Helper()
	in, out := bufio.NewReaderSize(nc, 64<<10), bufio.NewWriterSize(nc, 64<<10)
	request := benchRequest()
	sent := 0
	send := func() {
		sent++
		binary.BigEndian.PutUint32(request[12:], uint32(sent))
		binary.BigEndian.PutUint32(request[16:], uint32(sent))
		out.Write(request)
	}
	for sent < min(outstanding, b.N) {
		send()
	}
	out.Flush()
	for range b.N {
		if err := skipFrame(in); err != nil {
			b.Fatal(err)
		}
		if sent < b.N {
			send()
		}
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

func skipFrame(in *bufio.Reader) error {
	start, err := in.Peek(4)
	if err != nil {
		return err
	}
	_, err = in.Discard(int(start[1])<<16 | int(start[2])<<8 | int(start[3]))
	return err
}

func bareServer(b *testing.B) net.Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	answer := benchAnswer(hmr("aaa.home.example;1700000000;1")).Append(nil)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer server.Close()
		in, out := bufio.NewReaderSize(server, 64<<10), bufio.NewWriterSize(server, 64<<10)
		for {
			header, err := in.Peek(20)
			if err != nil {
				return
			}
			copy(answer[12:20], header[12:])
			if skipFrame(in) != nil {
				return
			}
			out.Write(answer)
			if in.Buffered() == 0 {
				out.Flush()
			}
		}
	}()
	return nc
}

func benchConfig(c peer.Config) peer.Config {
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		return benchAnswer(req)
	}}
	return c
}

func benchTable(b *testing.B, c peer.Config) net.Conn {
	b.Helper()
	table := start(b, benchConfig(c))
	nc, err := net.Dial("tcp", table.Addrs()[0].String())
	if err != nil {
		b.Fatal(err)
	}
	return opened(b, nc)
}

func benchTLS(b *testing.B) net.Conn {
	b.Helper()
	a := newAuthority(b)
	table := start(b, benchConfig(secure(a)))
	nc, err := dialTLSRaw(a, table.Addrs()[0].String())
	if err != nil {
		b.Fatal(err)
	}
	return opened(b, nc)
}

// opened exchanges capabilities and hands the connection over.
func opened(b *testing.B, nc net.Conn) net.Conn {
	b.Helper()
	if _, err := nc.Write(base.NewCER(caps(them)).Append(nil)); err != nil {
		b.Fatal(err)
	}
	// Nothing follows the CEA until we ask.
	frame, err := diameter.ReadFrame(bufio.NewReader(nc), 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	m, err := diameter.Parse(frame)
	if err != nil || result(b, m) != diameter.Success {
		b.Fatalf("CEA %v: %v", m, err)
	}
	return nc
}
