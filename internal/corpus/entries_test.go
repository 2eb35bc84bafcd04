package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

const (
	root       = "../.."
	entriesDir = root + "/corpus/entries"
)

// technique is one file of corpus/entries. corpus/README.md tells the format.
type technique struct {
	ID      string  `json:"technique"`
	Title   string  `json:"title"`
	Mistake string  `json:"mistake"` // what a tool gets wrong
	Entries []entry `json:"entries"`
}

type entry struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"` // evasion, harmless
	What     string   `json:"what"`
	Policies []string `json:"policies"` // that the witness violates; of a harmless one, that it comes near to
	Profile  string   `json:"profile"`
	Given    given    `json:"given"`
	Before   []step   `json:"before"`
	Change   []step   `json:"change"`
	Witness  *packet  `json:"witness"`
	Stands   []packet `json:"stands"`
}

// given is what an entry finds in the account.
type given struct {
	Groups   []givenGroup   `json:"groups"`
	Lists    []givenList    `json:"lists"`
	VPCs     []givenVPC     `json:"vpcs"`
	Partners []givenPartner `json:"partners"`
	Rules    int            `json:"rulesPerGroup"` // quota; 0 = EC2's default
}

type givenGroup struct {
	Name string            `json:"name"`
	VPC  string            `json:"vpc"` // name of one of VPCs; "" = the default VPC
	Tags map[string]string `json:"tags"`
}

type givenList struct {
	Name    string   `json:"name"`
	Owner   string   `json:"owner"` // "" = the account, AWS, or 12 digits
	Entries []string `json:"entries"`
}

type givenVPC struct {
	Name   string   `json:"name"` // "default" = the default VPC, which gets these blocks too
	Blocks []string `json:"blocks"`
}

// givenPartner is a group of another account whose VPC is peered with ours.
type givenPartner struct {
	Name    string `json:"name"`
	Account string `json:"account"`
}

// step is one call of the EC2 API with its parameters, or a word of the corpus.
type step struct {
	name string
	args json.RawMessage
}

func (s *step) UnmarshalJSON(text []byte) error {
	var one map[string]json.RawMessage
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	if len(one) != 1 {
		return fmt.Errorf("a step is one call: %s", text)
	}
	for name, args := range one {
		s.name, s.args = name, args
	}
	return nil
}

// packet is what a rule may admit.
type packet struct {
	On        string `json:"on"` // group; "" = web
	Direction string `json:"direction"`
	Protocol  uint8  `json:"protocol"`
	Port      uint16 `json:"port"`
	Type      uint8  `json:"type"`
	Code      uint8  `json:"code"`
	Address   string `json:"address"`
	Group     string `json:"group"`   // name of a group or partner, instead of an address
	Account   string `json:"account"` // of that group; "" = the own
}

func (p packet) read(s *scene) oracle.Packet {
	out := oracle.Packet{Direction: secgroup.Ingress, Protocol: p.Protocol, Port: p.Port, Type: p.Type, Code: p.Code, Account: p.Account}
	if p.Direction == "egress" {
		out.Direction = secgroup.Egress
	}
	if p.Group != "" {
		out.Group = s.id(p.Group)
		return out
	}
	a, err := netip.ParseAddr(p.Address)
	require.NoError(s.t, err, s.e.ID)
	out.Remote = a
	return out
}

// readTechniques reads all files, in the order of their names.
func readTechniques(t *testing.T) []technique {
	t.Helper()
	files, err := filepath.Glob(entriesDir + "/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []technique
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var tree any
		require.NoError(t, yaml.Unmarshal(text, &tree), file)
		asJSON, err := json.Marshal(tree)
		require.NoError(t, err, file)
		var one technique
		d := json.NewDecoder(bytes.NewReader(asJSON))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&one), file)
		require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".yaml"), one.ID, file)
		all = append(all, one)
	}
	return all
}
