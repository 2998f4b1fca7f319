package events

import "log/slog"

// A row is what there is to say of a kind. What is logged at info or above has
// an id, by which journalctl finds it and its explanation; an id is never given
// to another kind, and never changed.
type row struct {
	name        string
	sentence    string
	level       slog.Level
	id          string
	explanation string
}

var table = [kindEnd]row{
	Lost: {name: "lost", sentence: "events were lost on the way to a slow reader", level: slog.LevelWarn},

	DaemonReady: {"daemon_ready", "ready: mobile nodes are served", slog.LevelInfo, "7d74e8f3847a46638e9b8b6f76fc7334",
		"All parts of the home agent work: peers may connect, keys reach strongSwan and the kernel's policies are in place. " +
			"Sessions and bindings of before the start are in place, too."},
	DaemonStopping: {"daemon_stopping", "stopping: mobile nodes stay registered", slog.LevelInfo, "ae95216c9794431fa49909418fb9bc6a",
		"The home agent was told to end. What it put into the kernel and strongSwan stays, so that mobile nodes are served " +
			"while it restarts; nobody can be bootstrapped or move until it is back."},
	ConfigurationLoaded: {"configuration_loaded", "read the configuration again", slog.LevelInfo, "cdf18b4bd3e24fa1b69c48c755eb36a4",
		"What has changed in the configuration is in force, but for the options that DETAIL names as taking a restart:\n\n" +
			"  systemctl restart homeagent"},
	ConfigurationRefused: {"configuration_refused", "the changed configuration is not in force", slog.LevelError, "42426f80876f463ab431940d2a34941e",
		"The configuration was read again and has an error, or cannot be taken over. The home agent goes on with the one it had. " +
			"With an error in it, it would not start again. What cannot be taken over while it runs is told with what to do, such as to end " +
			"a session or to restart. Mend what DETAIL names; the first command finds all errors of the files themselves:\n\n" +
			"  homeagentd --check\n  systemctl reload homeagent"},
	BoxNotReady: {"box_not_ready", "the box is not as the home agent needs it", slog.LevelWarn, "38a4d936086a4f1cb679fce4aa125ad8",
		"Something around the daemon, such as forwarding, an address or an interface, is missing or was changed by somebody else. " +
			"DETAIL says what, and which command mends it. All checks, with repairs:\n\n  homeagentctl doctor"},
	BoxMended: {"box_mended", "the box is as the home agent needs it again", slog.LevelInfo, "87803dbb37024595a6ac48307ebde0b0",
		"What an earlier warning, in DETAIL, spoke of is in order."},
	StoreFailed: {"store_failed", "the store does not take changes", slog.LevelError, "82b8c29726d445eb8f11977c2434c079",
		"The file that keeps sessions could not be written; its disk may be full or broken. Nobody is bootstrapped or " +
			"registered until it can, since what was promised must survive a restart. Mobile nodes that are registered are served on. " +
			"Look at the file and its disk:\n\n  homeagentctl status\n  df -h /var/lib/homeagent"},
	StoreRecovered: {"store_recovered", "the store takes changes again", slog.LevelInfo, "030dfe9fccb84a1fa20a5617cd7f557b",
		"The file that keeps sessions can be written again. Nothing that was promised was lost."},

	HMRAccepted: {name: "hmr_accepted", sentence: "answered an HMR with success", level: slog.LevelDebug},
	HMRRefused: {"hmr_refused", "refused an HMR", slog.LevelWarn, "26a5bf6a5f9e4f6da670ab4272ead1fd",
		"An AAA server asked to bootstrap a mobile node and got the Result-Code in RESULT, for the reason in DETAIL. " +
			"The mobile node gets no home address or keeps the one it has. " +
			"A single one is the AAA server's or the subscriber's affair. Many with DIAMETER_UNABLE_TO_COMPLY or DIAMETER_TOO_BUSY " +
			"mean that strongSwan, the kernel or the store does not work here; many with RESULT 4006 that addresses or sessions are used up:\n\n" +
			"  homeagentctl status"},
	KeyArmed: {name: "key_armed", sentence: "strongSwan holds a mobile node's key", level: slog.LevelDebug},
	SessionBegan: {"session_began", "session began", slog.LevelInfo, "1eed639b6fb5464ebdd6aa181ef2eddb",
		"An AAA server authorized the mobile node of USER_NAME, or a reload found it in the configuration, which DETAIL says. " +
			"It has the home address in HOA, and strongSwan accepts its key, or the kernel holds the keys that were written down by hand. " +
			"Everything about it:\n\n  homeagentctl session HOA\n  journalctl -u homeagent HOA=address"},
	SessionRenewed: {"session_renewed", "session renewed", slog.LevelInfo, "c618b074d56f4117acc4a55b3f41bd9b",
		"An AAA server authorized a mobile node that had a session: its lifetime and its key are new, its home address stays unless " +
			"the server chose another. Or a reload found another key of a mobile node of the configuration, which DETAIL says: " +
			"IKE_SAs go on, and the next IKE_AUTH takes the new key."},
	SessionEnded: {"session_ended", "session ended", slog.LevelInfo, "154f3a6fd48e4ea7a922da3f6da0433f",
		"A session was ended on demand (DETAIL is administrative), or because its mobile node left the configuration or is listed there " +
			"with another address, which DETAIL says. Its key, security associations and binding are gone, and its home address is held down for a while."},
	SessionExpired: {"session_expired", "session ended: its authorization is over", slog.LevelInfo, "7d0eeb0c563f4c29bb6c0223dfad9e55",
		"The AAA server's authorization ran out and was not renewed. The mobile node is cut off until it is bootstrapped again."},

	SessionsDormant: {"sessions_dormant", "sessions are kept but not served: the configuration has no place for them", slog.LevelWarn, "e25490f9ef0c4651923bdfcb16790358",
		"Since the last start a home prefix or an address of the home agent left the configuration. The sessions that need it, of which DETAIL " +
			"tells, wait in the store with their leases and bindings; their mobile nodes are cut off. They are served again as soon as the home agent " +
			"starts with what they need. If that is gone for good, an AAA server's next authorization gives a mobile node another home address, " +
			"and what is not authorized anew ends with its time, or by homeagentctl release. Look which they are, then mend the configuration:\n\n" +
			"  homeagentctl sessions\n  systemctl restart homeagent"},

	IKEUp: {"ike_up", "a mobile node has authenticated", slog.LevelInfo, "fec60e15c9494303b739e592b0e64a64",
		"The mobile node proved its pre-shared key in an IKE_AUTH from the care-of address and can register now."},
	IKEDown: {"ike_down", "a mobile node's IKE_SA is gone", slog.LevelInfo, "9fa1ffbe2dc44fa9a51a6b2741cd5a65",
		"The mobile node ended its last IKE_SA, or did not answer strongSwan any more. Its session and its binding go on until they run out."},
	StrongSwanConnected: {"strongswan_connected", "connected to strongSwan", slog.LevelInfo, "ccc19d4b2d5142adac7dbfb84e45a6cf",
		"strongSwan answers on its VICI socket and holds the keys and connections it should."},
	StrongSwanLost: {"strongswan_lost", "strongSwan does not answer", slog.LevelWarn, "e754c0f91a6b44cebd782ff3c8d5afa8",
		"The connection to strongSwan is gone. Until it is back no mobile node can be bootstrapped or authenticate; " +
			"those that are registered are served on. Keys and connections are loaded again by themselves. Is it running?\n\n" +
			"  systemctl status strongswan\n  journalctl -u strongswan"},
	ProposalRefused: {"proposal_refused", "strongSwan refuses a proposal of the configuration", slog.LevelError, "8912558a8bd9497da262bcdc74c8c40e",
		"strongSwan was started and does not take the proposal that DETAIL names, because it is not written as it wants it, and with it " +
			"the connection of no mobile node: nobody can authenticate. It is told when strongSwan is reached, once for the same proposals. " +
			"What is mended takes a restart of the home agent:\n\n  swanctl --list-algs\n  homeagentd --check\n  systemctl restart homeagent"},

	BindingRegistered: {"binding_registered", "binding registered", slog.LevelInfo, "6864fe09988b43a8bc2025c6f3eae3e0",
		"The mobile node registered its care-of address; packets to the home address are forwarded there."},
	BindingRefreshed: {name: "binding_refreshed", sentence: "binding refreshed", level: slog.LevelDebug},
	BindingMoved: {"binding_moved", "binding moved", slog.LevelInfo, "288a56d483754ee292998b24e5a47a7a",
		"The mobile node registered another care-of address; packets to the home address are forwarded there."},
	BindingDeregistered: {"binding_deregistered", "binding deregistered", slog.LevelInfo, "b92675e36c8a4684bddf011bf8ac31cd",
		"The mobile node ended its registration, mostly because it is at home."},
	BindingExpired: {"binding_expired", "binding expired", slog.LevelInfo, "9a8dfdb8f75d4b87b552f03b44044831",
		"The mobile node did not refresh its registration in time, or the home prefix came to its end. Nothing is forwarded to it any more."},
	BindingRemoved: {"binding_removed", "binding removed", slog.LevelInfo, "20ec393feeb040339f86750156551a03",
		"The binding went with its session."},
	BindingRefused: {name: "binding_refused", sentence: "refused a Binding Update", level: slog.LevelDebug},
	BindingFailed: {"binding_failed", "a mobile node could not be registered", slog.LevelError, "a8bd35cad00841f193be7687aa1b66a7",
		"A Binding Update was right and could not be carried out, for the reason in RESULT: store_failed and kernel_failed are " +
			"this box's trouble, duplicate_address is another node on the home link that uses the home address. " +
			"The mobile node tries again.\n\n  homeagentctl status\n  homeagentctl bindings --counters"},

	KernelReady: {"kernel_ready", "the kernel is as it should be", slog.LevelInfo, "80bc8d90e8e84696ac6c0a5665959272",
		"IPsec policies, tunnel and routes of the home agent were compared with what they should be, for the first time or after a failure, and are in place."},
	KernelRepaired: {"kernel_repaired", "kernel state was missing or wrong and has been repaired", slog.LevelWarn, "9344c80f9dc448e1b3c927061d32f12c",
		"Somebody else removed or changed policies, routes or filters of the home agent; DETAIL names the first. They are in place again, " +
			"but packets of mobile nodes may have been dropped, or sent unprotected, in between. Look for who does that: ip xfrm policy flush, " +
			"a network manager, a firewall, another IKE daemon."},
	KernelFailed: {"kernel_failed", "the kernel cannot be made right", slog.LevelError, "da7e38ae1a9c42d4a67f1c37a91e480a",
		"Policies, tunnel or routes of the home agent could not be put into the kernel, for the reason in DETAIL. It is tried again every second; " +
			"until it succeeds no mobile node is bootstrapped. Modules and rights are checked by:\n\n  homeagentctl doctor"},
	ManualKeyingReady: {"manual_keying_ready", "mobile nodes that are keyed by hand are served again", slog.LevelInfo, "582a82ad4ec74c748049be83dfa99557",
		"The kernel has taken the security associations that it had refused, or the configuration has them no more."},
	ManualKeyingFailed: {"manual_keying_failed", "mobile nodes that are keyed by hand are not served", slog.LevelError, "dc99ae38fbb0464db0cdb1f555c6b470",
		"The kernel refuses security associations of the configuration's mobile nodes that are keyed by hand, for the reason in DETAIL, such as an " +
			"algorithm that it lacks. It is tried again every half minute; all other mobile nodes are served."},

	PeerConnected: {"peer_connected", "peer connected", slog.LevelInfo, "5fe8be683c124985977da893cca871c8",
		"The Diameter peer in PEER is connected and known to be who it says."},
	PeerDisconnected: {"peer_disconnected", "peer disconnected", slog.LevelInfo, "43781149d86540b885724a408c579220",
		"The Diameter peer in PEER, or this home agent, ended the connection in good order."},
	PeerLost: {"peer_lost", "peer lost", slog.LevelWarn, "c815ac7651b4482296b1bdafea9dad8d",
		"The connection with the Diameter peer in PEER broke, for the reason in DETAIL. Without any peer no mobile node can be " +
			"bootstrapped or renewed; those with a session are served until their authorization ends. " +
			"Where this home agent connects it tries again by itself.\n\n  homeagentctl peers"},
	PeerUnreachable: {"peer_unreachable", "could not connect to the peer", slog.LevelWarn, "cfbe9e429f2d4d6cac7da63ebc6e5187",
		"The Diameter peer in PEER cannot be connected with, for the reason in DETAIL. It is tried again; only another reason is told again. " +
			"Address, firewall, certificates and the identity that the other end expects are the usual suspects:\n\n  homeagentctl doctor"},
	PeerSuspected: {"peer_suspected", "peer suspected: it does not answer", slog.LevelWarn, "934fe0803d5946e1bea8009167a6ffca",
		"The Diameter peer in PEER left a watchdog request without an answer. If it stays silent the connection is closed and made anew."},
	PeerTrusted: {"peer_trusted", "peer trusted again", slog.LevelInfo, "9965faafabf740c89f4e11247eff0ec1",
		"A peer that was suspected answers its watchdog requests."},
	PeerLostState: {"peer_lost_state", "the peer lost its session state", slog.LevelWarn, "e49be7655e474f9097362aa0b9d0121c",
		"The Diameter peer in PEER restarted and forgot its sessions: its Origin-State-Id grew. Sessions here go on until they run out; " +
			"the AAA server does not know of them any more."},
	ConnectionRefused: {"connection_refused", "refused a connection of a Diameter peer", slog.LevelWarn, "f1a6a4f1b00847ccb7c52cebd5fe6830",
		"Somebody at the address in REMOTE connected, and was refused for the reason in RESULT, which DETAIL tells in full. " +
			"PEER is whom the other end claims to be; nothing of that is proven. certificate_expired, certificate_untrusted and " +
			"certificate_name are to be mended in the certificate of the other end, or in diameter.ca here; tls_refused in our certificate " +
			"or in what the other end believes; wrong_protection in diameter.peer.secured here or in the other end's port; unknown_peer and " +
			"wrong_realm in one of the two lists of peers. The same from the same address is told every ten minutes, and at most ten in a " +
			"minute are told in all. The last of each peer, and of nobody listed:\n\n" +
			"  homeagentctl peers"},
	CertificateExpires: {"certificate_expires", "a certificate for TLS runs out soon", slog.LevelWarn, "3e368fbbe10040d1a692926aa655805b",
		"The certificate that DETAIL names is valid for that long only. From then on peers refuse connections of this home agent, " +
			"or this home agent those of peers that the certificate vouches for; connections that are open go on. It is told once a day. " +
			"Put a new certificate in place of the old one, in the same file, and have it read:\n\n" +
			"  systemctl reload homeagent\n  homeagentctl doctor"},
	CertificateExpired: {"certificate_expired", "a certificate for TLS has run out", slog.LevelError, "ba1f013d2d5349babfa94a9738e10c86",
		"The certificate that DETAIL names is not valid any more. Each connection over TLS that it is needed for is refused from now on; " +
			"those that are open go on until they break. Without any peer no mobile node can be bootstrapped or renewed. " +
			"Put a new certificate in place of the old one, in the same file, and have it read:\n\n" +
			"  systemctl reload homeagent\n  homeagentctl doctor"},
}
