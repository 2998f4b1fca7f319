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
	"path/filepath"
	"strings"
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
	Check   bool             `help:"Check the configuration, the files of TLS and keys, group and interface that it names, and exit."`
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
		os.Exit(end(ctx, err, os.Stderr, os.LookupEnv))
	}
}

// end tells of an error, and the exit status for it.
func end(ctx context.Context, err error, out io.Writer, lookup func(string) (string, bool)) int {
	code, why := exitCode(err), reason(err)
	fmt.Fprintln(out, marked("homeagentd: "+why, systemd.StderrIsJournal(lookup)))
	var tell error
	if code == exitConfig {
		tell = systemd.NewNotifier(lookup).Status("not started: " + summary(why))
	} else {
		tell = backOff(ctx, why, lookup)
	}
	if tell != nil {
		fmt.Fprintf(out, "homeagentd: the service manager was not told: %v\n", tell)
	}
	return code
}

// marked gives each line the priority of errors, if the journal reads it (sd-daemon(3)).
func marked(text string, journal bool) string {
	if !journal {
		return text
	}
	return "<3>" + strings.ReplaceAll(text, "\n", "\n<3>")
}

func run(ctx context.Context, f flags, reload <-chan os.Signal, out io.Writer) error {
	// Keys are in memory: a crash must not write them to disk.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	cfg, err := config.Load(f.Config)
	if err != nil {
		return configError{err}
	}
	if f.Check {
		return check(ctx, f.Config, cfg, machine.Linux{}, out, os.Stderr)
	}
	log, setLogLevel, err := newLogger(cfg.Log.Level)
	if err != nil {
		return err
	}
	lock, err := instance.Take(filepath.Dir(cfg.Control.Socket))
	if err != nil {
		return alone(err, cfg, f.CleanUp)
	}
	defer lock.Release()
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
	records, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer records.Close()
	socket, err := mobilitysocket.Open(mobilitysocket.Config{Log: log, Protect: xfrm.ProtectSocket})
	if err != nil {
		return err
	}
	defer socket.Close()
	link, index, err := openHomeLink(cfg, log)
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

// openHomeLink prepares the home link and tells the index of its interface. That may
// come later than we do: a restart finds it.
func openHomeLink(cfg *config.Config, log *slog.Logger) (homelink.HomeLink, int, error) {
	if cfg.Mobility.HomeLink == config.Virtual {
		return homelink.Virtual{}, 0, nil
	}
	name := cfg.Mobility.Interface
	device, err := net.InterfaceByName(name)
	if err != nil {
		p := cfg.Problem("mobility.interface", "there is no interface %s (ip link show lists those that are there): %v", name, err)
		return nil, 0, errors.New(p.Error())
	}
	return homelink.New(homelink.Config{Interface: name, Log: log}), device.Index, nil
}
