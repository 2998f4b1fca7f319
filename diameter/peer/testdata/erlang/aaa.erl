%% A Diameter peer on Erlang/OTP's diameter application, for tests:
%%
%%   escript aaa.erl connect|listen PORT [FOLDER]
%%
%% Connects to, or listens at, a port of 127.0.0.1; over TLS if FOLDER holds
%% cert.pem, key.pem and ca.pem. Prints a line for what happens: "up", the result
%% of a request that it sends, "asked" for one that it gets. At the end of its
%% input it disconnects and prints "stopped".
-module(aaa).
-mode(compile).
-export([main/1]).
-export([peer_up/3, peer_down/3, pick_peer/4, prepare_request/3, prepare_retransmit/3,
         handle_answer/4, handle_error/4, handle_request/3]).

%% The records of diameter.hrl, which Debian ships apart, in erlang-dev.
-record(diameter_packet, {header, avps, msg, bin, errors, transport_data}).
-record(diameter_event, {service, info}).
-record(diameter_caps, {origin_host, origin_realm, host_ip_address, vendor_id, product_name, origin_state_id,
                        supported_vendor_id, auth_application_id, inband_security_id, acct_application_id,
                        vendor_specific_application_id, firmware_revision, avp}).

-define(SERVICE, aaa).
-define(HOST, "aaa.home.example").
-define(REALM, "home.example").

main([Mode, Port | Folder]) ->
    {ok, _} = application:ensure_all_started(ssl),
    ok = diameter:start(),
    load_dictionary(),
    ok = diameter:start_service(?SERVICE, service()),
    true = diameter:subscribe(?SERVICE),
    Options = transport(Mode, list_to_integer(Port)) ++ tls(Mode, Folder),
    {ok, _} = diameter:add_transport(?SERVICE, {list_to_atom(Mode),
        [{transport_module, diameter_tcp}, {transport_config, Options},
         {watchdog_timer, 6000}, {capabilities_cb, fun capabilities/2}]}),
    await_up(),
    io:format("up~n"),
    io:format("result ~p~n", [ask()]),
    io:get_line(""),
    ok = diameter:stop_service(?SERVICE),
    await_stop(),
    io:format("stopped~n").

load_dictionary() ->
    {ok, Text} = file:read_file(filename:join(filename:dirname(escript:script_name()), "hmr.dia")),
    {ok, [Forms]} = diameter_make:codec(Text, [return, forms]),
    {ok, Module, Code} = compile:forms(Forms),
    {module, Module} = code:load_binary(Module, "hmr.dia", Code).

service() ->
    [{'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}, {'Vendor-Id', 0}, {'Product-Name', "OTP diameter"},
     {'Origin-State-Id', 1}, {'Auth-Application-Id', [4278222553]}, {decode_format, map},
     {application, [{alias, hmr}, {dictionary, hmr}, {module, ?MODULE}]}].

transport("connect", Port) -> [{raddr, {127, 0, 0, 1}}, {rport, Port}];
transport("listen", Port) -> [{ip, {127, 0, 0, 1}}, {port, Port}, {reuseaddr, true}].

tls(_, []) -> [];
tls(Mode, [Folder]) ->
    File = fun(Name) -> filename:join(Folder, Name) end,
    Own = [{certfile, File("cert.pem")}, {keyfile, File("key.pem")}, {cacertfile, File("ca.pem")}, {verify, verify_peer}],
    [{ssl_options, true} | case Mode of % true: before the capabilities exchange
        "connect" -> [{server_name_indication, "ha.example"} | Own];
        "listen" -> [{fail_if_no_peer_cert, true} | Own]
    end].

%% Capabilities were exchanged; what we learnt is printed.
capabilities(_, #diameter_caps{origin_host = {_, Host}, host_ip_address = {_, Addresses}, origin_state_id = {_, State}}) ->
    io:format("capabilities ~s ~p ~p~n", [Host, length(Addresses), State]),
    ok.

await_up() ->
    receive
        #diameter_event{info = Info} when element(1, Info) == up -> ok;
        #diameter_event{info = {closed, _, Reason, _}} -> io:format("closed ~0p~n", [Reason]), await_up();
        _ -> await_up()
    end.

await_stop() ->
    receive
        #diameter_event{info = stop} -> ok;
        _ -> await_stop()
    end.

ask() ->
    Request = ['HMR', {'Session-Id', diameter:session_id(?HOST)}, {'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM},
               {'Destination-Host', ["ha.example"]}],
    case diameter:call(?SERVICE, hmr, Request, [{timeout, 10000}]) of
        {ok, #{'Result-Code' := Code}} -> Code;
        Other -> Other
    end.

peer_up(_, _, State) -> State.
peer_down(_, _, State) -> State.
pick_peer([Peer | _], _, _, _) -> {ok, Peer};
pick_peer([], _, _, _) -> false.
prepare_request(#diameter_packet{msg = Request}, _, _) -> {send, Request}.
prepare_retransmit(Packet, _, _) -> {send, Packet}.
handle_answer(#diameter_packet{msg = [_ | Answer]}, _, _, _) -> {ok, Answer};
handle_answer(#diameter_packet{msg = Answer}, _, _, _) -> {ok, Answer}.
handle_error(Reason, _, _, _) -> {error, Reason}.

handle_request(#diameter_packet{msg = ['HMR' | #{'Session-Id' := Id}], errors = []}, _, _) ->
    io:format("asked~n"),
    {reply, ['HMA', {'Session-Id', Id}, {'Result-Code', 2001}, {'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}]};
handle_request(#diameter_packet{errors = [Error | _]}, _, _) ->
    io:format("asked wrongly: ~0p~n", [Error]),
    {answer_message, 5012}.
