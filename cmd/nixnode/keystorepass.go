package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// envPassphrase holds the passphrase of the keystore where nobody can be asked.
const envPassphrase = "NIXNODE_PASSPHRASE"

var errNoPassphrase = errors.New("a passphrase is needed: set " + envPassphrase + ", or run it in a terminal")

// askPassphrase takes the passphrase from the environment, or asks for it in the
// terminal without showing it; twice when it is a new one.
func askPassphrase(confirm bool) (string, error) {
	if pass := os.Getenv(envPassphrase); pass != "" {
		return pass, nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", usageError{errNoPassphrase}
	}
	pass, err := prompt("Passphrase of the keystore: ")
	if err != nil || !confirm {
		return pass, err
	}
	again, err := prompt("The same once more: ")
	if err == nil && again != pass {
		err = errors.New("the two passphrases differ")
	}
	return pass, err
}

func prompt(text string) (string, error) {
	fmt.Fprint(os.Stderr, text)
	pass, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", err
	}
	if len(pass) == 0 {
		return "", errNoPassphrase
	}
	return string(pass), nil
}
