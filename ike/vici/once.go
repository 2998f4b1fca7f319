package vici

import "context"

// Once connects to charon, calls use and disconnects, for who has one question.
// Unlike [Client.Run] it tries but once; the error wraps that of dialling.
func Once(ctx context.Context, cfg Config, use func(context.Context, *Link) error) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	link, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer link.kill(errClosed)
	return use(ctx, link)
}
