package main

// wiresharkCmd prints the dictionary in Wireshark's form.
type wiresharkCmd struct {
	codesFlag
}

// Help is shown below the flags.
func (wiresharkCmd) Help() string {
	return "Write it to diameter/Custom.xml in Wireshark's global configuration folder, " +
		"which 'tshark -G folders' names; on Debian that is /usr/share/wireshark/diameter/Custom.xml."
}

// Run writes the dictionary to standard output.
func (c *wiresharkCmd) Run(e *environment) error {
	d, err := c.load()
	if err != nil {
		return err
	}
	return d.Wireshark(e.out)
}
