%% A home AAA server on Erlang/OTP's diameter application, a Diameter stack that
%% shares nothing with homeagentd, to try a home agent with:
%%
%%   escript aaah.erl connect|listen ADDRESS PORT [tls=FOLDER] [via=RELAY] [stay=yes]
%%
%% Connects to a home agent, or to a relay before it, or waits for one; over TLS with
%% aaa.pem, aaa-key.pem and ca.pem in FOLDER. Then it takes the home agent through
%% its paces and prints a line for each: "ok", "FAILED" with the reason, or
%% "granted" with what a mobile node would be told. After the last it prints "done"
%% and disconnects, or stays until the home agent does. It exits with 1 if anything
%% failed.
-module(aaah).
-mode(compile).
-export([main/1]).
-export([peer_up/3, peer_down/3, pick_peer/5, prepare_request/4, prepare_retransmit/4,
         handle_answer/5, handle_error/5, handle_request/3]).

%% The records of diameter.hrl, which Debian ships apart, in erlang-dev.
-record(diameter_header, {version, length, cmd_code, application_id, hop_by_hop_id, end_to_end_id,
                          is_request, is_proxiable, is_error, is_retransmitted}).
-record(diameter_avp, {code, vendor_id, is_mandatory = false, need_encryption = false, data, name, value, type, index}).
-record(diameter_packet, {header, avps, msg, bin, errors = [], transport_data}).
-record(diameter_event, {service, info}).
-record(diameter_caps, {origin_host, origin_realm, host_ip_address, vendor_id, product_name, origin_state_id,
                        supported_vendor_id, auth_application_id, inband_security_id, acct_application_id,
                        vendor_specific_application_id, firmware_revision, avp}).

-define(SERVICE, aaah).
-define(HOST, "aaah.home.example").
-define(REALM, "home.example").
-define(HA_HOST, "ha.example.com").
-define(HA_REALM, "example.com").
-define(APPLICATION, 4278222553).
-define(VENDOR, 32473).
-define(HMR, 16777215).
-define(ASR, 274).
-define(RAR, 258).

%% AVP codes of the base protocol (RFC 6733 section 4.5) and of the application.
-define(USER_NAME, 1).
-define(ORIGIN_HOST, 264).
-define(AUTH_APPLICATION_ID, 258).
-define(SESSION_ID, 263).
-define(RESULT_CODE, 268).
-define(AUTH_SESSION_STATE, 277).
-define(ORIGIN_STATE_ID, 278).
-define(FAILED_AVP, 279).
-define(PROXY_HOST, 280).
-define(ROUTE_RECORD, 282).
-define(DESTINATION_REALM, 283).
-define(PROXY_INFO, 284).
-define(PROXY_STATE, 33).
-define(AUTHORIZATION_LIFETIME, 291).
-define(DESTINATION_HOST, 293).
-define(ORIGIN_REALM, 296).
-define(VECTOR, {?VENDOR, 1}).
-define(MOBILE_NODE_ADDRESS, {?VENDOR, 2}).
-define(HOME_AGENT_ADDRESS, {?VENDOR, 3}).
-define(KEY, {?VENDOR, 4}).
-define(PANA_KEY, {?VENDOR, 5}).
-define(KEY_ID, {?VENDOR, 6}).

main([Mode, Address, Port | Options]) ->
    {ok, _} = application:ensure_all_started(ssl),
    ok = diameter:start(),
    load_dictionary(),
    ok = diameter:start_service(?SERVICE, service()),
    true = diameter:subscribe(?SERVICE),
    {ok, IP} = inet:parse_address(Address),
    {ok, Transport} = diameter:add_transport(?SERVICE, {list_to_atom(Mode),
        [{transport_module, diameter_tcp},
         {transport_config, transport(Mode, IP, list_to_integer(Port)) ++ tls(Mode, option("tls", Options))},
         {watchdog_timer, 6000}, {dpa_timeout, 20000}, {connect_timer, 1000},
         {capabilities_cb, capabilities(option("via", Options))}]}),
    await_up(),
    Results = [run(Step) || Step <- steps(option("via", Options))],
    io:format("done~n"),
    Last = run(case option("stay", Options) of
        none -> {"a DPR is answered with DPA", fun() -> farewell(Transport) end};
        _ -> {"the home agent disconnects", fun left/0}
    end),
    halt(case lists:member(failed, [Last | Results]) of true -> 1; false -> 0 end).

option(Name, Options) ->
    case [Value || Option <- Options, [N, Value] <- [string:split(Option, "=")], N =:= Name] of
        [Value] -> Value;
        [] -> none
    end.

load_dictionary() ->
    {ok, Text} = file:read_file(filename:join(filename:dirname(escript:script_name()), "mip6bootstrap.dia")),
    {ok, [Forms]} = diameter_make:codec(Text, [return, forms]),
    {ok, Module, Code} = compile:forms(Forms),
    {module, Module} = code:load_binary(Module, "mip6bootstrap.dia", Code).

service() ->
    [{'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}, {'Vendor-Id', 0}, {'Product-Name', "OTP diameter"},
     {'Origin-State-Id', 1}, {'Supported-Vendor-Id', [?VENDOR]},
     {'Vendor-Specific-Application-Id', [[{'Vendor-Id', ?VENDOR}, {'Auth-Application-Id', [?APPLICATION]}]]},
     {decode_format, map},
     {application, [{alias, mip6}, {dictionary, mip6bootstrap}, {module, ?MODULE}, {answer_errors, callback}]}].

transport("connect", IP, Port) -> [{raddr, IP}, {rport, Port}];
transport("listen", IP, Port) -> [{ip, IP}, {port, Port}, {reuseaddr, true}].

tls(_, none) -> [];
tls(Mode, Folder) ->
    File = fun(Name) -> filename:join(Folder, Name) end,
    Own = [{certfile, File("aaa.pem")}, {keyfile, File("aaa-key.pem")}, {cacertfile, File("ca.pem")}, {verify, verify_peer}],
    [{ssl_options, true} | case Mode of % true: before the capabilities exchange (RFC 6733 section 2.1)
        "connect" -> [{server_name_indication, ?HA_HOST} | Own];
        "listen" -> [{fail_if_no_peer_cert, true} | Own]
    end].

%% The capabilities exchange: the connection is refused if the home agent says
%% anything else than it should.
capabilities(none) ->
    fun(_, #diameter_caps{origin_host = {_, ?HA_HOST}, origin_realm = {_, ?HA_REALM}, host_ip_address = {_, [_ | _]},
                          origin_state_id = {_, [_]}, vendor_specific_application_id = {_, [_]}} = Caps) ->
            io:format("ok capabilities of ~s~n", [element(2, Caps#diameter_caps.origin_host)]),
            ok;
       (_, Caps) ->
            io:format("FAILED capabilities: ~0p~n", [Caps]),
            discard
    end;
capabilities(Relay) ->
    fun(_, #diameter_caps{origin_host = {_, Host}}) when Host =:= Relay -> ok; (_, _) -> discard end.

await_up() ->
    receive
        #diameter_event{info = Info} when element(1, Info) =:= up -> ok;
        #diameter_event{info = {closed, _, Reason, _}} -> io:format("closed ~0p~n", [Reason]), await_up();
        _ -> await_up()
    end.

%% --- the paces -----------------------------------------------------------------

%% Steps are a name and a function that returns ok, or throws what was wrong.
steps(none) ->
    [{"a newcomer is granted", fun() -> granted("mn1") end},
     {"an HMR sent again with the T bit gets the same answer", fun again/0},
     {"a mobile node keeps its home address with a new key", fun sticky/0},
     {"Proxy-Info comes back as it was, in its order", fun proxies/0}] ++
    [{Name, fun() -> refused(Change, Expected) end} || {Name, Change, Expected} <- refusals()] ++
    [{"nothing refused was kept: the next one is granted", fun() -> granted("mn2") end},
     {"an ASR for a live session is answered", fun() -> asked(?ASR, session("mn1"), [2001, 5012]) end},
     {"an ASR for no session is answered", fun() -> asked(?ASR, session("nobody"), [5002]) end},
     {"a RAR for no session is answered", fun() -> asked(?RAR, session("nobody"), [5002]) end},
     {"DWRs are answered with DWAs, both ways", fun watchdogs/0}];
steps(_Relay) ->
    [{"a newcomer is granted through relays", fun() -> granted("mn1") end},
     {"Proxy-Info comes back through relays as it was, in its order", fun proxies/0},
     {"a short key is refused through relays", fun() -> refused(with(octets(?KEY, <<0:152>>)), {5004, false, ?KEY}) end},
     {"a hop that is not trusted is seen behind relays",
      fun() -> refused(adding(octets(?ROUTE_RECORD, "evil.home.example")), {5003, false, none}) end}].

run({Name, Step}) ->
    try Step() of
        ok -> io:format("ok ~s~n", [Name]), ok
    catch
        _:Why:Stack -> io:format("FAILED ~s: ~0p at ~0p~n", [Name, Why, hd(Stack)]), failed
    end.

%% Each has one fault, and is expected to be refused with a Result-Code, with or
%% without the E bit, and with an AVP in Failed-AVP or none. They are in the order in
%% which a home agent makes its checks.
refusals() ->
    Header = fun(Set) -> fun([H | Avps]) -> [Set(H) | Avps] end end,
    [{"E bit in a request", Header(fun(H) -> H#diameter_header{is_error = true} end), {3008, true, none}},
     {"an unknown application", Header(fun(H) -> H#diameter_header{application_id = 16777250} end), {3007, true, none}},
     {"an unknown command", Header(fun(H) -> H#diameter_header{cmd_code = 16777000} end), {3001, true, none}},
     {"Auth-Application-Id of another application", with(unsigned(?AUTH_APPLICATION_ID, 1)), {5004, false, ?AUTH_APPLICATION_ID}},
     {"another Destination-Host", with(octets(?DESTINATION_HOST, "other.example.com")), {3002, true, none}},
     {"another Destination-Realm", fun(M) -> (with(octets(?DESTINATION_REALM, "example.org")))((without(?DESTINATION_HOST))(M)) end,
      {3003, true, none}},
     {"an unknown AVP with M", adding(octets(99999, "x")), {5001, false, 99999}},
     {"User-Name without M", with((octets(?USER_NAME, "mn1@home.example"))#diameter_avp{is_mandatory = false}), {3009, true, ?USER_NAME}},
     {"two User-Names", adding(octets(?USER_NAME, "mn2@home.example")), {5009, false, ?USER_NAME}},
     {"a lifetime of three octets", with(octets(?AUTHORIZATION_LIFETIME, <<0, 0, 1>>)), {5014, false, ?AUTHORIZATION_LIFETIME}},
     {"no User-Name", without(?USER_NAME), {5005, false, ?USER_NAME}},
     {"no key", without(?KEY), {5005, false, ?KEY}},
     {"no key id", without(?KEY_ID), {5005, false, ?KEY_ID}},
     {"bootstrapping not requested", with(unsigned(?VECTOR, 2)), {5004, false, ?VECTOR}},
     {"a contradictory vector", with(unsigned(?VECTOR, 1 bor 4)), {5007, false, ?VECTOR}},
     {"the access network's key", adding(octets(?PANA_KEY, <<0:512>>)), {5008, false, ?PANA_KEY}},
     {"no lifetime at all", with(unsigned(?AUTHORIZATION_LIFETIME, 0)), {5004, false, ?AUTHORIZATION_LIFETIME}},
     {"an Origin-Host the peer may not speak for", with(octets(?ORIGIN_HOST, "evil.home.example")), {5003, false, none}},
     {"a hop that is not trusted", adding(octets(?ROUTE_RECORD, "evil.home.example")), {5003, false, none}},
     {"a short key", with(octets(?KEY, <<0:152>>)), {5004, false, ?KEY}},
     {"a home address off the prefix", adding(address(?MOBILE_NODE_ADDRESS, 16#20010db8000900000000000000000001)),
      {5004, false, ?MOBILE_NODE_ADDRESS}},
     {"another home agent's address", adding(address(?HOME_AGENT_ADDRESS, 16#20010db8000900000000000000000002)),
      {5004, false, ?HOME_AGENT_ADDRESS}}].

%% granted sends an HMR made by the dictionary, and checks the HMA by it.
granted(User) -> granted(User, request(User, 1), []).

granted(User, Request, Options) ->
    Packet = call(Request, Options),
    #diameter_packet{header = Header, msg = ['HMA' | Answer]} = Packet,
    expect([], faults(Packet)),
    #{'Result-Code' := 2001, 'Session-Id' := Session, 'User-Name' := [Name], 'Origin-Host' := ?HA_HOST,
      'MIPv6-Mobile-Node-Address' := Home, 'MIPv6-Home-Agent-Address' := [Agent],
      'Acct-Multi-Session-Id' := [Account], 'Origin-State-Id' := [_]} = Answer,
    #diameter_header{is_error = false, is_retransmitted = false, is_proxiable = true} = Header,
    [#diameter_avp{code = ?SESSION_ID} | _] = flat(Packet), % RFC 6733 section 8.8
    expect(session(User), to_list(Session)),
    expect(user(User), to_list(Name)),
    io:format("granted ~s home address ~s home agent ~s account ~s~n", [Name, inet:ntoa(Home), inet:ntoa(Agent), Account]),
    put({granted, User}, Home),
    put({end_to_end, User}, Header#diameter_header.end_to_end_id),
    ok.

%% again sends the HMR for mn1 once more, as after a failover.
again() ->
    Before = get({granted, "mn1"}),
    ok = granted("mn1", request("mn1", 1), [get({end_to_end, "mn1"})]),
    expect(Before, get({granted, "mn1"})).

sticky() ->
    Before = get({granted, "mn1"}),
    Request = request("mn1", 2),
    ok = granted("mn1", Request, []),
    expect(Before, get({granted, "mn1"})).

proxies() ->
    Sent = [{proxy(Host, State)} || {Host, State} <- [{"p1.home.example", <<1, 2, 3>>}, {"p2.home.example", <<0, 255>>}]],
    Request = request("mn3", 1) ++ [{'Proxy-Info', [P || {P} <- Sent]}],
    #diameter_packet{msg = ['HMA' | #{'Result-Code' := 2001, 'Proxy-Info' := Received}]} = Packet = call(Request, []),
    expect([], faults(Packet)),
    expect([{"p1.home.example", <<1, 2, 3>>}, {"p2.home.example", <<0, 255>>}],
           [{to_list(Host), iolist_to_binary(State)} || #{'Proxy-Host' := Host, 'Proxy-State' := State} <- Received]).

proxy(Host, State) -> [{'Proxy-Host', Host}, {'Proxy-State', State}].

%% refused sends an HMR that was changed after it was right, octet for octet.
refused(Change, {Code, Error, Failed}) ->
    #diameter_packet{header = Header} = Packet = call(Change(raw_request()), []),
    expect({Code, Error, Failed}, {result(Packet), Header#diameter_header.is_error, failed_avp(Packet)}),
    [#diameter_avp{code = ?SESSION_ID} | _] = flat(Packet),
    ok.

%% asked sends a request of the base protocol about a session.
asked(Command, Session, Codes) ->
    Header = #diameter_header{version = 1, cmd_code = Command, application_id = ?APPLICATION, is_request = true,
                              is_proxiable = true, is_error = false, is_retransmitted = false},
    Packet = call([Header, octets(?SESSION_ID, Session), octets(?ORIGIN_HOST, ?HOST), octets(?ORIGIN_REALM, ?REALM),
                   octets(?DESTINATION_REALM, ?HA_REALM), octets(?DESTINATION_HOST, ?HA_HOST),
                   unsigned(?AUTH_APPLICATION_ID, ?APPLICATION)] ++ [unsigned(285, 0) || Command =:= ?RAR], []),
    Code = result(Packet),
    lists:member(Code, Codes) orelse throw({result, Code, expected, Codes}),
    ok.

%% watchdogs waits until each end has asked the other whether it is there, and was
%% answered.
watchdogs() -> watchdogs(60).

watchdogs(0) -> throw({missing, statistics()});
watchdogs(Seconds) ->
    Seen = [Key || {Key, N} <- statistics(), N > 0],
    Wanted = [{{0, 280, 1}, send}, {{0, 280, 0}, recv, {'Result-Code', 2001}},
              {{0, 280, 1}, recv}, {{0, 280, 0}, send, {'Result-Code', 2001}}],
    case Wanted -- Seen of
        [] -> ok;
        _ -> timer:sleep(1000), watchdogs(Seconds - 1)
    end.

statistics() -> lists:append([Counters || {_, Counters} <- diameter:service_info(?SERVICE, statistics)]).

%% farewell sends DPR, and knows DPA came when the connection is down long before
%% it would be given up.
farewell(Transport) ->
    Start = erlang:monotonic_time(millisecond),
    ok = diameter:remove_transport(?SERVICE, Transport),
    receive
        #diameter_event{info = Info} when element(1, Info) =:= down -> ok
    after 60000 -> throw(still_up)
    end,
    Took = erlang:monotonic_time(millisecond) - Start,
    Took < 10000 orelse throw({no_answer_within, Took}),
    ok.

%% left waits until the home agent has disconnected. That it sent DPR first is to be
%% seen on the wire: no callback and no counter tells.
left() ->
    receive
        #diameter_event{info = Info} when element(1, Info) =:= down -> ok
    after 120000 -> throw(still_up)
    end.

%% --- messages --------------------------------------------------------------------

user(User) -> User ++ "@home.example".

session(User) -> ?HOST ++ ";1;" ++ User.

%% The key of a user is its name, padded with zeros to 64 octets.
key(User, Id) ->
    Name = list_to_binary(user(User)),
    <<Name/binary, 0:((63 - byte_size(Name)) * 8), (Id - 1)>>.

request(User, KeyId) ->
    ['HMR', {'Session-Id', session(User)}, {'Auth-Application-Id', ?APPLICATION}, {'Authorization-Lifetime', 3600},
     {'Auth-Session-State', 0}, {'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}, {'User-Name', user(User)},
     {'Destination-Realm', ?HA_REALM}, {'Destination-Host', [?HA_HOST]}, {'MIPv6-Bootstrap-Vector', 1},
     {'MIPv6-AAA-Key', key(User, KeyId)}, {'MIPv6-AAA-Key-Id', KeyId}].

%% The same without a dictionary.
raw_request() ->
    [#diameter_header{version = 1, cmd_code = ?HMR, application_id = ?APPLICATION, is_request = true, is_proxiable = true,
                      is_error = false, is_retransmitted = false},
     octets(?SESSION_ID, session("mn9")), unsigned(?AUTH_APPLICATION_ID, ?APPLICATION), unsigned(?AUTHORIZATION_LIFETIME, 3600),
     unsigned(?AUTH_SESSION_STATE, 0), octets(?ORIGIN_HOST, ?HOST), octets(?ORIGIN_REALM, ?REALM),
     octets(?USER_NAME, user("mn9")), octets(?DESTINATION_REALM, ?HA_REALM), octets(?DESTINATION_HOST, ?HA_HOST),
     unsigned(?VECTOR, 1), octets(?KEY, key("mn9", 1)), unsigned(?KEY_ID, 1)].

octets(Code, Data) when is_list(Data) -> octets(Code, list_to_binary(Data));
octets({Vendor, Code}, Data) -> #diameter_avp{code = Code, vendor_id = Vendor, is_mandatory = true, data = Data};
octets(Code, Data) -> #diameter_avp{code = Code, is_mandatory = true, data = Data}.

unsigned(Code, N) -> octets(Code, <<N:32>>).

address(Code, Number) -> octets(Code, <<2:16, Number:128>>).

with(#diameter_avp{code = Code, vendor_id = Vendor} = Avp) ->
    fun([H | Avps]) -> [H | [case A of #diameter_avp{code = Code, vendor_id = Vendor} -> Avp; _ -> A end || A <- Avps]] end.

without({Vendor, Code}) ->
    fun([H | Avps]) -> [H | [A || A <- Avps, {A#diameter_avp.vendor_id, A#diameter_avp.code} =/= {Vendor, Code}]] end;
without(Code) -> without({undefined, Code}).

adding(Avp) -> fun(Message) -> Message ++ [Avp] end.

result(Packet) ->
    [<<Code:32>> | _] = [Data || #diameter_avp{code = ?RESULT_CODE, data = Data} <- flat(Packet)],
    Code.

%% failed_avp is what the first Failed-AVP holds first.
failed_avp(Packet) ->
    case [Data || #diameter_avp{code = ?FAILED_AVP, data = Data} <- flat(Packet)] of
        [<<Code:32, 1:1, _:7, _:24, Vendor:32, _/binary>> | _] -> {Vendor, Code};
        [<<Code:32, 0:1, _/bitstring>> | _] -> Code;
        [] -> none
    end.

%% faults are what is wrong with an answer by our dictionary, but for the Route-Record
%% that relays put into answers too.
faults(#diameter_packet{errors = Errors}) ->
    [Error || Error <- Errors, case Error of {5001, #diameter_avp{code = ?ROUTE_RECORD}} -> false; _ -> true end].

%% flat are the AVPs of a message without those inside of others.
flat(#diameter_packet{avps = Avps}) ->
    [case Avp of [Group | _] -> Group; _ -> Avp end || Avp <- Avps].

expect(Same, Same) -> ok;
expect(Wanted, Got) -> throw({wanted, Wanted, got, Got}).

to_list(Text) -> binary_to_list(iolist_to_binary(Text)).

call(Message, Extra) ->
    case diameter:call(?SERVICE, mip6, Message, [{timeout, 30000}, {extra, [Extra]}]) of
        #diameter_packet{} = Packet -> Packet;
        Other -> throw(Other)
    end.

%% --- callbacks -------------------------------------------------------------------

peer_up(_, _, State) -> State.
peer_down(_, _, State) -> State.
pick_peer([Peer | _], _, _, _, _) -> {ok, Peer};
pick_peer([], _, _, _, _) -> false.
prepare_request(Packet, _, _, []) -> {send, Packet};
prepare_request(#diameter_packet{header = Header} = Packet, _, _, [Id]) ->
    {send, Packet#diameter_packet{header = Header#diameter_header{end_to_end_id = Id, is_retransmitted = true}}}.
prepare_retransmit(Packet, _, _, _) -> {send, Packet}.
handle_answer(Packet, _, _, _, _) -> Packet.
handle_error(Reason, _, _, _, _) -> {error, Reason}.

%% The home agent may tell us of the end of sessions.
handle_request(#diameter_packet{msg = ['STR' | #{'Session-Id' := Id}], errors = []}, _, _) ->
    {reply, ['STA', {'Session-Id', Id}, {'Result-Code', 2001}, {'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}]};
handle_request(#diameter_packet{errors = [Error | _]}, _, _) ->
    io:format("FAILED asked wrongly: ~0p~n", [Error]),
    {answer_message, 5012}.
