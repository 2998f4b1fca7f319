package vici

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

// DefaultSocket is where strongSwan's charon listens unless told otherwise.
const DefaultSocket = "/run/charon.vici"

// A Config says how charon is reached. Zero values mean the default.
type Config struct {
	// Socket is the path of charon's VICI socket (default DefaultSocket).
	Socket string

	// CallTimeout is how long an answer may take before the Link is given
	// up (default 30 s). charon can legitimately take seconds: a
	// load-conn waits for all lookups of connections to end.
	CallTimeout time.Duration

	// MinPause and MaxPause bound the pause before charon is dialled again
	// (default 50 ms and 1 s).
	MinPause, MaxPause time.Duration

	// Dial replaces connecting to Socket where that is not possible, as
	// for a charon that a test plays in memory.
	Dial func(ctx context.Context) (net.Conn, error)

	// Log receives a line when charon is found and when it is lost.
	// Required.
	Log *slog.Logger
}

// A Client keeps a Link to charon.
type Client struct{ cfg Config }

// New checks the configuration. It does not connect; Run does.
func New(cfg Config) (*Client, error) {
	if cfg.Log == nil {
		return nil, errors.New("making a VICI client: a logger is required")
	}
	setDefault(&cfg.Socket, DefaultSocket)
	setDefault(&cfg.CallTimeout, 30*time.Second)
	setDefault(&cfg.MinPause, 50*time.Millisecond)
	setDefault(&cfg.MaxPause, time.Second)
	if cfg.CallTimeout < 0 || cfg.MinPause < 0 || cfg.MaxPause < cfg.MinPause {
		return nil, fmt.Errorf("making a VICI client: call timeout %v, pauses %v to %v (must be above 0, the longest pause not below the shortest)", cfg.CallTimeout, cfg.MinPause, cfg.MaxPause)
	}
	return &Client{cfg: cfg}, nil
}

func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// Run connects to charon and calls use with a Link; when use returns, or once
// the Link is dead and use has returned, it connects again, until ctx ends.
// The context given to use ends with the Link. Between attempts Run pauses,
// longer each time until a Link has lasted, and by a random amount, so that a
// charon that is starting up, or unwell, is not hammered.
func (c *Client) Run(ctx context.Context, use func(context.Context, *Link) error) error {
	pause := c.cfg.MinPause
	var complaint complaint
	for ctx.Err() == nil {
		link, err := c.connect(ctx)
		if err == nil {
			complaint.settle()
			start := time.Now()
			err = c.serve(ctx, link, use)
			if time.Since(start) > c.cfg.MaxPause {
				pause = c.cfg.MinPause
			}
		}
		if ctx.Err() != nil {
			break
		}
		c.cfg.Log.Log(ctx, complaint.level(err, time.Now()), "not connected to charon, which is tried again", "socket", c.cfg.Socket, "error", err)
		if sleep(ctx, pause/2+rand.N(pause/2+1)) != nil {
			break
		}
		pause = min(2*pause, c.cfg.MaxPause)
	}
	return nil
}

// serve lends a Link to use and reports why it came to an end.
func (c *Client) serve(ctx context.Context, link *Link, use func(context.Context, *Link) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(link.ctx, func() { cancel(context.Cause(link.ctx)) })
	defer stop()
	c.cfg.Log.Info("connected to charon", "socket", c.cfg.Socket, "version", link.Version, "running_since", link.Since)

	err := use(ctx, link)
	if cause := context.Cause(link.ctx); cause != nil {
		err = cause
	}
	link.kill(errClosed)
	return err
}

// How soon the log is told again of what keeps failing in the same way.
const (
	minSilence = time.Minute
	maxSilence = time.Hour
)

// A complaint keeps the log from being told the same every second.
type complaint struct {
	text    string
	silence time.Duration
	until   time.Time
}

// level is Warn for what is new, or has not been told for some time, longer each
// time; else Debug.
func (c *complaint) level(err error, now time.Time) slog.Level {
	switch {
	case err == nil || err.Error() != c.text:
		c.silence = minSilence
	case now.Before(c.until):
		return slog.LevelDebug
	default:
		c.silence = min(2*c.silence, maxSilence)
	}
	c.text, c.until = fmt.Sprint(err), now.Add(c.silence)
	return slog.LevelWarn
}

// settle makes the next failure a new one.
func (c *complaint) settle() { c.text = "" }
