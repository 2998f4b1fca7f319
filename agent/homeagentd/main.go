// Command homeagentd is the Mobile IPv6 home agent.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"homeagent/agent"
	"homeagent/agent/config"
	"homeagent/agent/discovery"
	"homeagent/agent/doctor/machine"
	"homeagent/agent/homelink"
	"homeagent/agent/instance"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/version"
	"homeagent/packaging/manual"
	"homeagent/systemd"
	"homeagent/xfrm"
)

type flags struct {
	manual.Flags

	Config  string           `help:"Configuration file." default:"/etc/homeagent/homeagent.toml" placeholder:"FILE"`
	Check   bool             `help:"Check the configuration, the files of TLS, group and interface that it names, and exit."`
	CleanUp bool             `name:"clean-up" help:"Remove what is of the home agent from the kernel and from strongSwan, and exit. Mobile nodes are cut off until the daemon starts again; their sessions stay in the store. Refused while the daemon runs."`
	Version kong.VersionFlag `help:"Show the version and exit."`
}

func main() {
	var f flags
	parser := kong.Must(&f, kong.Name("homeagentd"), kong.Description("Run a Mobile IPv6 home agent."),
		kong.Vars{"version": version.Version, "section": "8"})
	if _, err := parser.Parse(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "homeagentd: %v (homeagentd --help tells what there is)\n", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// From the start: a terminal that closes, or somebody who is early, must not
	// end it.
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	if err := run(ctx, f, reload, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "homeagentd: %v\n", err)
		os.Exit(exitCode(err))
	}
}

func run(ctx context.Context, f flags, reload <-chan os.Signal, out io.Writer) error {
	cfg, err := config.Load(f.Config)
	if err != nil {
		notifier := systemd.NewNotifier(os.LookupEnv)
		return errors.Join(configError{err}, notifier.Status("the configuration is not complete or not right, see the log"))
	}
	if f.Check {
		return check(ctx, f.Config, cfg, machine.Linux{}, out)
	}
	// Keys are in memory: a crash must not write them to disk.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	log, setLogLevel, err := newLogger(cfg.Log.Level)
	if err != nil {
		return err
	}
	lock, err := instance.Take()
	if err != nil {
		return alone(err, f.CleanUp)
	}
	defer lock.Release()
	go lock.Answer()
	kernel, err := xfrm.Open(log)
	if err != nil {
		return err
	}
	defer kernel.Close()
	if f.CleanUp {
		return cleanUp(ctx, cfg, kernel, log, out)
	}
	return serve(ctx, cfg, kernel, log, agent.Reload{
		Load:  func() (*config.Config, error) { return config.Load(f.Config) },
		Asked: reload, SetLogLevel: setLogLevel,
	})
}

func serve(ctx context.Context, cfg *config.Config, kernel *xfrm.Kernel, log *slog.Logger, reload agent.Reload) error {
	records, err := openStore(cfg.Store, log)
	if err != nil {
		return err
	}
	defer records.Close()
	socket, err := mobilitysocket.Open(mobilitysocket.Config{Log: log, Protect: xfrm.ProtectSocket})
	if err != nil {
		return err
	}
	defer socket.Close()
	link, index, err := openHomeLink(cfg.Mobility, log)
	if err != nil {
		return err
	}
	watchdog, _ := systemd.Watchdog(os.LookupEnv)
	home, err := agent.New(cfg, agent.Deps{
		Store: records, Kernel: kernel, Mobility: socket, HomeLink: link, HomeInterface: index, Discover: discover,
		Notifier: systemd.NewNotifier(os.LookupEnv), Watchdog: watchdog, Reload: reload, Box: machine.Linux{}, Log: log,
	})
	if err != nil {
		return err
	}
	return home.Run(ctx)
}

func discover(cfg discovery.Config) (agent.Discovery, error) { return discovery.New(cfg) }

// openHomeLink prepares the home link and tells the index of its interface.
func openHomeLink(cfg config.Mobility, log *slog.Logger) (homelink.HomeLink, int, error) {
	if cfg.HomeLink == config.Virtual {
		return homelink.Virtual{}, 0, nil
	}
	device, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return nil, 0, fmt.Errorf("looking for mobility.interface %q: %w", cfg.Interface, err)
	}
	return homelink.New(homelink.Config{Interface: cfg.Interface, Log: log}), device.Index, nil
}
