package bootstrapping

import (
	"fmt"
	"net"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"
	"github.com/fiorix/go-diameter/v4/diam/sm"

	"homeagent/diameter/dictionary"
)

// A bareServer is a Diameter server made of the go-diameter library and nothing
// else, which answers every HMR with success and does no work for it. It lives as
// long as the process: the library logs the end of a listener as an error.
type bareServer struct {
	listener net.Listener
	codes    dictionary.Codes
}

func startBareServer() (*bareServer, error) {
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the bare Diameter server: %w", err)
	}
	s := &bareServer{listener: l, codes: d.Codes()}
	mux := sm.New(&sm.Settings{
		OriginHost: bareIdentity, OriginRealm: realm, VendorID: datatype.Unsigned32(s.codes.Vendor),
		ProductName: "bare", Dict: d.Parser(),
	})
	mux.HandleIdx(diam.CommandIndex{AppID: s.codes.Application, Code: s.codes.HMR, Request: true}, diam.HandlerFunc(s.answer))
	go (&diam.Server{Handler: mux, Dict: d.Parser()}).Serve(l)
	return s, nil
}

func (s *bareServer) address() string { return s.listener.Addr().String() }

// answer takes what the grammar of HMA wants from the request itself.
func (s *bareServer) answer(c diam.Conn, req *diam.Message) {
	a := diam.NewMessage(req.Header.CommandCode, req.Header.CommandFlags&diam.ProxiableFlag, req.Header.ApplicationID,
		req.Header.HopByHopID, req.Header.EndToEndID, req.Dictionary())
	for _, copied := range req.AVP {
		if copied.VendorID == 0 && (copied.Code == avp.SessionID || copied.Code == avp.UserName || copied.Code == avp.AuthApplicationID) {
			a.AddAVP(copied)
		}
	}
	home := datatype.Address(homePrefix.Addr().Next().AsSlice())
	for _, added := range []*diam.AVP{
		diam.NewAVP(avp.ResultCode, avp.Mbit, 0, datatype.Unsigned32(diam.Success)),
		diam.NewAVP(avp.OriginHost, avp.Mbit, 0, datatype.DiameterIdentity(bareIdentity)),
		diam.NewAVP(avp.OriginRealm, avp.Mbit, 0, datatype.DiameterIdentity(realm)),
		diam.NewAVP(s.codes.MobileNodeAddress, avp.Mbit|avp.Vbit, s.codes.Vendor, home),
	} {
		a.AddAVP(added)
	}
	if _, err := a.WriteTo(c); err != nil {
		c.Close()
	}
}
