package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// A Client asks the daemon that listens on a Unix socket.
type Client struct {
	path string
	http *http.Client
	// Waiting is called when a question is asked, and what it returns when the
	// answer is there, so that somebody may tell how long it takes. Nil is for
	// nobody. Events is not waited for.
	Waiting func() (done func())
}

// NewClient makes a client for the socket at path; it connects when asked
// something.
func NewClient(path string) *Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}
	return &Client{path: path, http: &http.Client{Transport: transport}}
}

// Status asks how the daemon is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, c.Get(ctx, "/v1/status", nil, &status)
}

// Sessions lists all sessions.
func (c *Client) Sessions(ctx context.Context) (Sessions, error) {
	var sessions Sessions
	return sessions, c.Get(ctx, "/v1/sessions", nil, &sessions)
}

// Session finds one session by Session-Id, User-Name or home address.
func (c *Client) Session(ctx context.Context, id string) (Session, error) {
	var session Session
	return session, c.Get(ctx, "/v1/session", url.Values{"id": {id}}, &session)
}

// Release ends a session, found the same way.
func (c *Client) Release(ctx context.Context, id string) (Released, error) {
	var released Released
	return released, c.do(ctx, http.MethodPost, "/v1/release", url.Values{"id": {id}}, &released)
}

// Reload has the daemon read its configuration again.
func (c *Client) Reload(ctx context.Context) (Reload, error) {
	var done Reload
	return done, c.do(ctx, http.MethodPost, "/v1/reload", nil, &done)
}

// Get asks for path with the query and decodes the JSON answer into the value
// that into points at. It is for views of parts that bring their own.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, http.MethodGet, path, query, into)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values, into any) error {
	if c.Waiting != nil {
		defer c.Waiting()()
	}
	response, err := c.send(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return decode(response, into)
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	target := url.URL{Scheme: "http", Host: "homeagent", Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	return response, nil
}

func decode(response *http.Response, into any) error {
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(response)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", brokenOff(err))
	}
	return nil
}

// refusal is the daemon's own text. Where there is none another program, or another
// version, has answered.
func refusal(response *http.Response) error {
	var problem Problem
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || problem.Error == "" {
		return fmt.Errorf("asking the daemon: it answers %q to %s (is it of another version? systemctl restart homeagent)",
			response.Status, response.Request.URL.Path)
	}
	if response.StatusCode == http.StatusNotFound {
		return missing{problem.Error}
	}
	return errors.New(problem.Error)
}

// missing is the daemon's own text about something that is not there.
type missing struct{ text string }

// Error is the text.
func (m missing) Error() string { return m.text }

// Is makes it an ErrNotFound.
func (m missing) Is(target error) bool { return target == ErrNotFound || target == ErrNoBinding }
