// Package diameter is the wire format of Diameter (RFC 6733): frames, message
// headers and AVPs, the Result-Codes, and the building of answers.
//
// It trusts nothing it reads. [ReadFrame] checks a header before it allocates
// for it; [Parse] walks the AVPs of one message once, without recursion, and
// notes the first framing fault in [Message.Fault] instead of giving up, so
// that even a malformed request can be answered with its Session-Id and
// Proxy-Info. An AVP is always looked up by code and vendor, and only at the
// level named: [Message.Find] never descends into groups.
//
// Values of the basic AVP types are encoded and decoded by go-diameter's
// datatype package, after the checks that it leaves out (lengths, address
// families). Its reader and its message type are not used on what the network
// sends, because they recurse without limit and compare AVP codes without
// vendors.
//
// The package must not know any application, dictionary or peer. Exported:
// [Message], [AVP], [ReadFrame], [Parse], [ResultCode], [Failure], [NewAnswer],
// [NewFailure] and the typed getters and constructors of AVP.
package diameter
