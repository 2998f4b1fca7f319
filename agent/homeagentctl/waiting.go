package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// waiting tells on out what is waited for once that takes longer than a second:
// on a terminal in one line that goes away, elsewhere once. It ends with done.
func waiting(out io.Writer, rewrites bool, what string) (done func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for seconds := 1; ; seconds++ {
			select {
			case <-ticker.C:
			case <-stop:
				if rewrites && seconds > 1 {
					fmt.Fprint(out, "\r\x1b[K")
				}
				return
			}
			switch {
			case rewrites:
				fmt.Fprintf(out, "\r\x1b[Kwaiting for %s (%d s)", what, seconds)
			case seconds == 1:
				fmt.Fprintf(out, "waiting for %s\n", what)
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop); <-ended })
}
