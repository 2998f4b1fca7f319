package metrics

import "time"

func certificateFamilies() []family {
	return []family{
		gauge("tls_certificate_expiry_timestamp_seconds", "When the certificate for TLS in use runs out, or the first of those that come with it, as seconds since 1970", date(func(v *Validity) time.Time { return v.Until })),
		gauge("tls_certificate_not_before_timestamp_seconds", "From when on that certificate is valid, as seconds since 1970", date(func(v *Validity) time.Time { return v.From })),
		gauge("tls_authority_expiry_timestamp_seconds", "When the certificate of an authority that vouches for peers runs out, as seconds since 1970; of several of one name the last", collectAuthorities, "authority"),
	}
}

// date emits a point in time unless it is not known.
func date(value func(v *Validity) time.Time) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if t := value(&s.Validity); !t.IsZero() {
			emit(float64(t.Unix()))
		}
	}
}

func collectAuthorities(s *Snapshot, emit emit) {
	for name, until := range s.Validity.Authorities {
		emit(float64(until.Unix()), name)
	}
}
