package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// EnvPrefix begins the name of every environment variable that sets a setting.
const EnvPrefix = "NIXNODE_"

// Setting is one field of Config under the names by which it can be set.
type Setting struct {
	Name    string // in the file: node_id
	Env     string // NIXNODE_NODE_ID
	Flag    string // node-id
	Doc     string
	Default string // as text; empty when there is none
	// IsBool tells that a flag needs no value.
	IsBool bool
	index  int
}

// Settings lists all settings in the order of Config.
func Settings() []Setting {
	def := reflect.ValueOf(DefaultConfig())
	t := def.Type()
	out := make([]Setting, 0, t.NumField())
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		out = append(out, Setting{
			Name: name, Env: EnvPrefix + strings.ToUpper(name), Flag: strings.ReplaceAll(name, "_", "-"),
			Doc: t.Field(i).Tag.Get("doc"), Default: settingText(def.Field(i)),
			IsBool: t.Field(i).Type.Kind() == reflect.Bool, index: i,
		})
	}
	return out
}

// Set sets the setting in c from text, as an environment variable or a flag has it.
func (s Setting) Set(c *Config, text string) error {
	field := reflect.ValueOf(c).Elem().Field(s.index)
	if err := setField(field, text); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// Text gives the setting's value in c, in the form that Set reads; empty for a
// value that is the zero one.
func (s Setting) Text(c Config) string {
	return settingText(reflect.ValueOf(c).Field(s.index))
}

// Load reads settings over c: the YAML file, if path is not empty, then the
// environment by lookup (os.LookupEnv). It reports all faults at once, joined,
// but does not validate.
func (c *Config) Load(path string, lookup func(string) (string, bool)) error {
	var faults []error
	if path != "" {
		if err := c.loadFile(path); err != nil {
			faults = append(faults, err)
		}
	}
	for _, s := range Settings() {
		if text, ok := lookup(s.Env); ok {
			if err := s.Set(c, text); err != nil {
				faults = append(faults, fmt.Errorf("environment %s: %w", s.Env, err))
			}
		}
	}
	return errors.Join(faults...)
}

func (c *Config) loadFile(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true) // a misspelt setting must not be silently ignored
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

func setField(field reflect.Value, text string) error {
	switch p := field.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = v
	case *uint64:
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = v
	case *time.Duration:
		v, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration like 500ms or 1h", text)
		}
		*p = v
	case *[]string:
		*p = splitList(text)
	case *[]Peer:
		v, err := parsePeers(text)
		if err != nil {
			return err
		}
		*p = v
	default:
		return fmt.Errorf("cannot be set from text (%s)", field.Type())
	}
	return nil
}

func settingText(field reflect.Value) string {
	switch v := field.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	case []Peer:
		peers := make([]string, len(v))
		for i, p := range v {
			peers[i] = p.ID + "=" + p.NodeAddr + "/" + p.GossipAddr
		}
		return strings.Join(peers, ",")
	case bool:
		if !v {
			return ""
		}
		return "true"
	default:
		return fmt.Sprint(v)
	}
}

func splitList(text string) []string {
	var out []string
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// parsePeers reads "n1=127.0.0.1:7781/127.0.0.1:7782,n2=…"; the part behind the
// slash may be left out.
func parsePeers(text string) ([]Peer, error) {
	var out []Peer
	for _, s := range splitList(text) {
		id, addrs, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not id=node_addr or id=node_addr/gossip_addr", s)
		}
		nodeAddr, gossipAddr, _ := strings.Cut(addrs, "/")
		out = append(out, Peer{ID: id, NodeAddr: nodeAddr, GossipAddr: gossipAddr})
	}
	return out, nil
}
