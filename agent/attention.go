package agent

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/events"
	"homeagent/agent/metrics"
)

// attention knows what somebody should look after though the box is in order:
// certificates that run out, and what the configuration in force lacks. The
// certificates are those that were read with it; files that have changed since
// are of no use before the next reading.
type attention struct {
	events *events.Recorder
	log    *slog.Logger

	mu           sync.Mutex
	cfg          *config.Config
	certificates config.Certificates
	told         map[string]toldOf // by certificate
}

// toldOf is when something was told of a certificate, and what.
type toldOf struct {
	at   time.Time
	kind events.Kind
}

const (
	// attentionPause lies between two looks at the calendar, which the clock of the
	// wall may change, and tellAgain between two warnings of one certificate.
	attentionPause = time.Hour
	tellAgain      = 24*time.Hour - attentionPause/2
)

// take begins with a configuration that is in force from now on, and the certificates
// that were read with it, and tells what is to be said of them.
func (t *attention) take(cfg *config.Config, certificates config.Certificates) {
	for _, w := range cfg.Warnings() {
		t.log.Warn("the configuration is hardly as it is meant to be", "warning", cfg.Locate(w))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cfg, t.certificates, t.told = cfg, certificates, map[string]toldOf{}
	t.tell(time.Now())
}

// Ready is closed: nothing waits for this task.
func (t *attention) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (t *attention) String() string { return "watch over certificates" }

// Run looks now and then until ctx ends.
func (t *attention) Run(ctx context.Context) error {
	ticker := time.NewTicker(attentionPause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.mu.Lock()
			t.tell(time.Now())
			t.mu.Unlock()
		case <-ctx.Done():
			return nil
		}
	}
}

// tell records what is new, and once a day what is not.
func (t *attention) tell(now time.Time) {
	for _, e := range t.ending(now) {
		before := t.told[string(e.certificate.Raw)]
		if before.kind == e.kind && now.Sub(before.at) < tellAgain {
			continue
		}
		t.told[string(e.certificate.Raw)] = toldOf{now, e.kind}
		t.events.Record(events.Event{Kind: e.kind, Detail: e.text})
	}
}

// An ending is a certificate that has run out, or will soon.
type ending struct {
	certificate *x509.Certificate
	kind        events.Kind
	cause       control.Cause // none while there is time
	text        string
}

// ending lists them. The caller holds the lock.
func (t *attention) ending(now time.Time) []ending {
	var all []ending
	add := func(option, what string, c *x509.Certificate) {
		until := c.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
		switch {
		case now.After(c.NotAfter):
			all = append(all, ending{c, events.CertificateExpired, control.CertificateExpired, t.cfg.Problem(option, "%s has run out, %s (put a new one in its place, and have it read: systemctl reload homeagent)", what, until).Error()})
		case now.After(doctor.RenewalDue(c)):
			var cause control.Cause
			if now.After(doctor.RenewalOverdue(c)) {
				cause = control.CertificateExpires
			}
			all = append(all, ending{c, events.CertificateExpires, cause, t.cfg.Problem(option, "%s is valid until %s, for %s (put a new one in its place, and have it read: systemctl reload homeagent)", what, until, span(c.NotAfter.Sub(now))).Error()})
		}
	}
	for i, c := range t.certificates.Own {
		what := "the certificate in " + t.cfg.Diameter.Certificate
		if i > 0 {
			what = "the certificate of " + c.Subject.String() + " in " + t.cfg.Diameter.Certificate
		}
		add("diameter.certificate", what, c)
	}
	for _, c := range t.certificates.Authorities {
		add("diameter.ca", "the authority "+c.Subject.String()+" in "+t.cfg.Diameter.CA, c)
	}
	return all
}

// span is a time for people.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// warnings are what an operator is shown.
func (t *attention) warnings() []control.Warning {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []control.Warning
	for _, w := range t.cfg.Warnings() {
		all = append(all, control.Warning{Text: t.cfg.Locate(w).Error()})
	}
	for _, e := range t.ending(time.Now()) {
		all = append(all, control.Warning{Cause: e.cause, Text: e.text})
	}
	return all
}

// validity is what monitoring is told. Of our certificate and those that come with
// it the first one to end counts, as a chain is as good as its weakest link; of
// authorities of one name the last, as a new one takes an old one's place.
func (t *attention) validity() metrics.Validity {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := metrics.Validity{Authorities: map[string]time.Time{}}
	if len(t.certificates.Own) > 0 {
		first := slices.MinFunc(t.certificates.Own, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		v.From, v.Until = first.NotBefore, first.NotAfter
	}
	for _, c := range t.certificates.Authorities {
		name := strings.ToValidUTF8(c.Subject.String(), "?") // as labels have to be
		if c.NotAfter.After(v.Authorities[name]) {
			v.Authorities[name] = c.NotAfter
		}
	}
	return v
}
