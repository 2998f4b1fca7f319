package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// wiresharkCmd prints the dictionary in Wireshark's form, or makes a folder that
// Wireshark reads it from.
type wiresharkCmd struct {
	Folder string `help:"Make this folder of links to Wireshark's own files, with the dictionary among them." placeholder:"DIR"`
	From   string `help:"Where Wireshark's files are (${default})." default:"/usr/share/wireshark" placeholder:"DIR"`
	codesFlag
}

// Help is shown below the flags.
func (wiresharkCmd) Help() string {
	return `Wireshark and tshark read Diameter dictionaries from one folder only, that of the distribution, and none from a user's own. ` +
		`The Debian package of this command puts the dictionary there, in place of the empty diameter/Custom.xml, so that they know ` +
		`the application without being told. Where the codes are others than the default ones, or another Wireshark is in use, make a folder:

  homeagent-lab wireshark --folder /tmp/wireshark --code hmr=999
  WIRESHARK_DATA_DIR=/tmp/wireshark tshark -r capture.pcap -Y diameter -V

Wireshark ignores that variable when root starts it.

Diameter on another port than 3868 needs -d tcp.port==PORT,diameter. Connections with TLS cannot be read; without it, captures hold keys: treat them so.`
}

// Run writes the dictionary to standard output, or into the folder.
func (c *wiresharkCmd) Run(e *environment) error {
	d, err := c.load()
	if err != nil {
		return err
	}
	if c.Folder == "" {
		return d.Wireshark(e.out)
	}
	var text bytes.Buffer
	if err := d.Wireshark(&text); err != nil {
		return err
	}
	if err := linkFolder(c.From, c.Folder, text.Bytes()); err != nil {
		return fmt.Errorf("making the folder for Wireshark: %w", err)
	}
	_, err = fmt.Fprintf(e.out, "WIRESHARK_DATA_DIR=%s\n", c.Folder)
	return err
}

// custom is the file that Wireshark's main dictionary includes for additions.
const custom = "diameter/Custom.xml"

// linkFolder makes a folder with links to all that is in another one, but for the
// dictionary.
func linkFolder(from, to string, dictionary []byte) error {
	from, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(from, custom)); err != nil {
		return fmt.Errorf("%w (is Wireshark or tshark installed? --from names its folder)", err)
	}
	if err := linkAll(from, to, "diameter"); err != nil {
		return err
	}
	if err := linkAll(filepath.Join(from, "diameter"), filepath.Join(to, "diameter"), filepath.Base(custom)); err != nil {
		return err
	}
	file := filepath.Join(to, custom)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, dictionary, 0o644)
}

// linkAll links what is in a folder, but for one name, and leaves what is linked
// already.
func linkAll(from, to, but string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == but {
			continue
		}
		link := filepath.Join(to, entry.Name())
		if err := os.Symlink(filepath.Join(from, entry.Name()), link); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
