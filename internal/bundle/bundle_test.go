package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

const (
	head      = "apiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: ssh, title: SSH is closed, severity: high}\n"
	boxes     = "forbid:\n  - {direction: ingress, ports: [22, 3389], peers: ['set:offices', internet]}\n  - {direction: egress, peers: [private]}\n"
	settings  = "apiVersion: sgwarden/v1\nkind: Settings\nsets: {offices: [8.8.8.0/29, 8.8.4.0/24]}\n"
	exemption = "exemptions: [{id: EX, policy: ssh, group: sg-0a1b2c3d, rules: [ingress 6/22 from 8.8.4.0/24], owner: o, reason: r, until: 2027-01-31}]\n"
)

// folder makes a policy folder of files, and gives its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func ids(set *policy.Set) []string {
	var out []string
	for _, p := range set.Policies {
		out = append(out, p.ID)
	}
	return out
}

func TestWithoutAFolderThereIsTheBaseline(t *testing.T) {
	set, b, err := Load("", Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"admin-ports-from-internet", "all-traffic-from-internet", "database-ports-from-internet", "default-group-has-no-rules"}, ids(set))
	require.Len(t, b.Digest, 64)
	for _, p := range set.Policies {
		require.Equal(t, policy.Observe, p.Mode, "neither environment nor settings say enforce")
		require.True(t, strings.HasPrefix(p.File, filepath.Join("packs", "baseline")), p.File)
	}
}

func TestAFolderStandsAlone(t *testing.T) {
	dir := folder(t, map[string]string{"deep/er/ssh.yml": head + boxes, "sgwarden.yaml": settings})
	set, _, err := Load(dir, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"ssh"}, ids(set))
	require.Equal(t, filepath.Join(dir, "deep", "er", "ssh.yml"), set.Policies[0].File)

	dir = folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings + "packs: [baseline, conscious]\n"})
	set, _, err = Load(dir, Options{})
	require.NoError(t, err)
	require.Len(t, set.Policies, 5, "what is conscious is off until it is scoped")
}

func TestModeIsTheLowestOfAll(t *testing.T) {
	for _, c := range []struct {
		name              string
		own, file         string
		environment, none policy.Mode
		want              policy.Mode
	}{
		{"nothing says", "", "", 0, 0, policy.Observe},
		{"nothing says, in the demo", "", "", 0, policy.Enforce, policy.Enforce},
		{"settings say observe, in the demo", "", "mode: observe\n", 0, policy.Enforce, policy.Observe},
		{"settings alone", "", "mode: enforce\n", 0, 0, policy.Enforce},
		{"environment alone", "", "", policy.Enforce, 0, policy.Enforce},
		{"environment lowers", "", "mode: enforce\n", policy.Observe, 0, policy.Observe},
		{"environment cannot raise", "", "mode: observe\n", policy.Enforce, 0, policy.Observe},
		{"policy lowers", "mode: observe\n", "mode: enforce\n", policy.Enforce, 0, policy.Observe},
		{"policy cannot raise", "mode: enforce\n", "", 0, 0, policy.Observe},
	} {
		dir := folder(t, map[string]string{"a.yaml": head + boxes + c.own, "sgwarden.yaml": settings + c.file})
		set, _, err := Load(dir, Options{Mode: c.environment, Default: c.none})
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, set.Policies[0].Mode, c.name)
	}
}

func TestTheDigestIsOfTheMeaning(t *testing.T) {
	of := func(files map[string]string) string {
		b, err := read(folder(t, files))
		require.NoError(t, err)
		return b.Digest
	}
	want := of(map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings + exemption})
	same := map[string]map[string]string{
		"other files":       {"z/b.yml": head + boxes, "a.yaml": settings + exemption},
		"one file":          {"all.yaml": settings + exemption + "---\n" + head + boxes},
		"comments":          {"a.yaml": "# SSH\n" + head + boxes + "# end\n", "sgwarden.yaml": settings + exemption},
		"order of lists":    {"a.yaml": head + "forbid:\n  - {direction: egress, peers: [private]}\n  - {direction: ingress, ports: [3389, 22], peers: [internet, 'set:offices']}\n", "sgwarden.yaml": settings + exemption},
		"spelled out":       {"a.yaml": head + "intent: universal\n" + boxes + "remedy: {do: revert}\n", "sgwarden.yaml": settings + exemption + "settle: 30s\nledgerDown: revoke\n"},
		"sets by another":   {"a.yaml": head + strings.Replace(boxes, "set:offices", "set:all", 1), "sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\nsets: {all: ['set:b', 8.8.4.0/25, 8.8.4.128/25], b: [8.8.8.0/29]}\n" + exemption},
		"line ends, a mark": {"a.yaml": "\ufeff" + strings.ReplaceAll(head+boxes, "\n", "\r\n"), "sgwarden.yaml": settings + exemption},
		"order of keys":     {"a.yaml": "metadata: {severity: high, title: SSH is closed, id: ssh}\n" + boxes + "kind: Policy\napiVersion: sgwarden/v1\n", "sgwarden.yaml": exemption + settings},
		"overrides alike":   {"a.yaml": head + boxes, "sgwarden.yaml": settings + exemption + "overrides: {ssh: {severity: high, ports: [3389, 22], remedy: revert}}\n"},
		"a rule's spelling": {"a.yaml": head + boxes, "sgwarden.yaml": settings + strings.Replace(exemption, "6/22", "tcp/22-22", 1)},
	}
	for name, files := range same {
		require.Equal(t, want, of(files), name)
	}
	seen := map[string]string{want: "the original"}
	for name, files := range map[string]map[string]string{
		"a port":         {"a.yaml": head + strings.Replace(boxes, "22", "23", 1), "sgwarden.yaml": settings + exemption},
		"a set":          {"a.yaml": head + boxes, "sgwarden.yaml": strings.Replace(settings, "/29", "/28", 1) + exemption},
		"a tolerance":    {"a.yaml": head + boxes + "tolerate: {ipv4: /16}\n", "sgwarden.yaml": settings + exemption},
		"the severity":   {"a.yaml": strings.Replace(head, "high", "low", 1) + boxes, "sgwarden.yaml": settings + exemption},
		"what it says":   {"a.yaml": strings.Replace(head, "SSH is", "Ports are", 1) + boxes, "sgwarden.yaml": settings + exemption},
		"no exemption":   {"a.yaml": head + boxes, "sgwarden.yaml": settings},
		"its end":        {"a.yaml": head + boxes, "sgwarden.yaml": settings + strings.Replace(exemption, "-31", "-30", 1)},
		"the mode":       {"a.yaml": head + boxes, "sgwarden.yaml": settings + exemption + "mode: enforce\n"},
		"the fuse":       {"a.yaml": head + boxes, "sgwarden.yaml": settings + exemption + "fuse: {groups: 11}\n"},
		"one more":       {"a.yaml": head + boxes, "b.yaml": strings.Replace(head, "ssh", "two", 1) + boxes, "sgwarden.yaml": settings + exemption},
		"trusted":        {"a.yaml": head + boxes, "sgwarden.yaml": settings + exemption + "trusted: {tags: [a]}\n"},
		"the remedy":     {"a.yaml": head + boxes + "remedy: alert\n", "sgwarden.yaml": settings + exemption},
		"an exception":   {"a.yaml": head + boxes + "except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]\n", "sgwarden.yaml": settings + exemption},
		"the whole box":  {"a.yaml": head + strings.Replace(boxes, "[private]", "[private], when: whole", 1), "sgwarden.yaml": settings + exemption},
		"another's rule": {"a.yaml": head + boxes, "sgwarden.yaml": settings + strings.Replace(exemption, "6/22", "6/23", 1)},
	} {
		got := of(files)
		require.NotContains(t, seen, got, "%s gives the digest of %s", name, seen[got])
		seen[got] = name
	}
}

func TestACompiledBundleIsItsFolder(t *testing.T) {
	dir := folder(t, map[string]string{"sub/a.yaml": head + boxes, "sgwarden.yaml": settings + exemption + "packs: [baseline]\n" +
		"overrides: {ssh: {tolerate: {ipv4: /24}, scope: {vpcs: [vpc-0a1b2c3d], not: {groups: {default: true}}}, but: [{peers: [9.9.9.0/24]}], except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]}}\n"})
	want, err := read(dir)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), FileName)
	require.NoError(t, want.WriteFile(path))

	got, err := ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want.Digest, got.Digest)
	require.Equal(t, want.encode(), got.encode(), "reading and writing again changes nothing")
	for i := range want.Documents {
		want.Documents[i].File = within(want.Documents[i].File, dir)
	}
	ssh := &want.Documents[len(want.Documents)-1]
	for _, file := range []*string{&ssh.Tolerate.File, &ssh.Scope.File, &ssh.Not.File, &ssh.Forbid[0].But[0].File, &ssh.Forbid[1].But[0].File, &ssh.Except[0].File} {
		require.Equal(t, filepath.Join(dir, "sgwarden.yaml"), *file, "where the override stands")
		*file = "sgwarden.yaml"
	}
	require.Equal(t, want.Documents, got.Documents, "but for where the folder lies")
	require.Equal(t, filepath.Join("sub", "a.yaml"), got.Documents[len(got.Documents)-1].File)
	want.Deployment.Exemptions[0].File = "sgwarden.yaml"
	require.Equal(t, want.Deployment, got.Deployment)

	fromFiles, err := want.Compile(Options{Mode: policy.Enforce})
	require.NoError(t, err)
	fromBundle, _, err := Load(path, Options{Mode: policy.Enforce, Digest: want.Digest})
	require.NoError(t, err)
	for i, p := range fromFiles.Policies {
		require.Equal(t, p.Digest(), fromBundle.Policies[i].Digest(), p.ID)
	}
}

// TestAFreshBundleSparesTheFiles: the compiled bundle of a folder is taken
// exactly where it was made of the files that lie there.
func TestAFreshBundleSparesTheFiles(t *testing.T) {
	dir := folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings})
	b, err := read(dir)
	require.NoError(t, err)
	b.Documents[0].Title = "Out of the bundle"
	require.NoError(t, b.WriteFile(filepath.Join(dir, FileName)))

	title := func(dir string) string {
		set, _, err := Load(dir, Options{})
		require.NoError(t, err)
		return set.Policies[0].Title
	}
	require.Equal(t, "Out of the bundle", title(dir))

	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(dir, moved))
	require.Equal(t, "Out of the bundle", title(moved), "wherever the folder lies")

	require.NoError(t, os.WriteFile(filepath.Join(moved, "a.yaml"), []byte(head+boxes+"# edited\n"), 0o644))
	require.Equal(t, "SSH is closed", title(moved), "the bundle is stale")

	require.NoError(t, os.Remove(filepath.Join(moved, "a.yaml")))
	require.NoError(t, os.Remove(filepath.Join(moved, "sgwarden.yaml")))
	require.Equal(t, "Out of the bundle", title(moved), "without files, the bundle is all there is")
}

func TestADamagedBundleIsNoBundle(t *testing.T) {
	b, err := Embedded()
	require.NoError(t, err)
	data := b.encode()
	_, err = decode(data)
	require.NoError(t, err)
	for name, bad := range map[string][]byte{
		"empty": {}, "text": []byte("kind: Policy\n"), "cut": data[:len(data)-1], "longer": append(append([]byte{}, data...), 0),
		"half": data[:len(data)/2], "magic alone": []byte(magic), "another version": append([]byte("sgwarden policies 0\n"), data[len(magic):]...),
	} {
		_, err := decode(bad)
		require.ErrorIs(t, err, ErrDamaged, name)
	}
	for i := range data {
		bad := append([]byte{}, data...)
		bad[i] ^= 0x10
		_, err := decode(bad)
		require.ErrorIs(t, err, ErrDamaged, "byte %d", i)
	}

	dir := folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings, FileName: "rubbish"})
	_, _, err = Load(dir, Options{})
	require.ErrorIs(t, err, ErrDamaged, "never the files in its place, unasked")
}

func TestLoadRefuses(t *testing.T) {
	empty, none := t.TempDir(), folder(t, map[string]string{"sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\n"})
	off := folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings + "overrides: {ssh: {off: true}}\n"})
	unscoped := folder(t, map[string]string{"sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\npacks: [conscious]\n"})
	for _, dir := range []string{empty, none, off, unscoped} {
		_, _, err := Load(dir, Options{})
		require.ErrorIs(t, err, ErrNoPolicy)
	}
	_, _, err := Load(filepath.Join(empty, "missing"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)

	_, b, err := Load("", Options{})
	require.NoError(t, err)
	_, _, err = Load("", Options{Digest: b.Digest})
	require.NoError(t, err)
	_, _, err = Load("", Options{Digest: strings.Repeat("0", 64)})
	var other *DigestError
	require.ErrorAs(t, err, &other)
	require.Equal(t, DigestError{strings.Repeat("0", 64), b.Digest}, *other)

	faulty := folder(t, map[string]string{
		"a.yaml": head + "forbid: [{direction: ingres, peers: [10.0.0.1/8]}]\n", "good.yaml": strings.Replace(head+boxes, "ssh", "good", 1), "sgwarden.yaml": settings,
	})
	_, _, err = Load(faulty, Options{})
	var faults policy.Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 2)
	require.Equal(t, filepath.Join(faulty, "a.yaml")+":4:22", faults[0].Place())
	require.Contains(t, err.Error(), `did you mean "ingress"?`)
	require.Contains(t, err.Error(), "10.0.0.0/8")
}

func TestFoldersAreReadWhole(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.yaml": head + boxes, "sgwarden.yaml": settings, "README.md": "not: [policy", ".github/workflows/ci.yaml": "on: push\n", ".hidden.yaml": "x: [\n", "notes.yaml.txt": "[",
	})
	_, _, err := Load(dir, Options{})
	require.NoError(t, err)

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	_, _, err = Load(link, Options{})
	require.NoError(t, err, "a link to a folder is that folder")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "large.yaml"), make([]byte, 10<<20), 0o644))
	_, _, err = Load(dir, Options{})
	require.ErrorContains(t, err, filepath.Join(dir, "large.yaml")+": larger than")
	require.NoError(t, os.Remove(filepath.Join(dir, "large.yaml")))

	for _, name := range []string{"folder.yaml", "more"} {
		require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, name)))
		_, _, err = Load(dir, Options{})
		require.ErrorContains(t, err, name+": a link to a folder", "it may hold policies")
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}

	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.yaml")))
	_, _, err = Load(dir, Options{})
	require.ErrorIs(t, err, os.ErrNotExist, "a file that cannot be read may hold a policy")
}

func TestWriteFileLeavesNothingHalf(t *testing.T) {
	b, err := Embedded()
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	require.NoError(t, b.WriteFile(path))
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, b.WriteFile(path), "again")
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "the same bytes are not written again")

	require.Error(t, b.WriteFile(filepath.Join(dir, "missing", FileName)))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o755))
	require.Error(t, b.WriteFile(filepath.Join(dir, "taken")))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "no temporary file is left")
}

func TestLintOfAFolder(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	good := folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings})
	found, err := Lint(good, now)
	require.NoError(t, err)
	require.Empty(t, found)

	bad := folder(t, map[string]string{"a.yaml": head + "forbid: [{direction: ingres, peers: [10.0.0.1/8]}]\n"})
	found, err = Lint(bad, now)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.False(t, found[0].Warning)

	off := folder(t, map[string]string{"a.yaml": head + boxes, "sgwarden.yaml": settings + "overrides: {ssh: {off: true}}\n"})
	found, err = Lint(off, now)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, ErrNoPolicy.Error(), found[0].Message)

	_, err = Lint(t.TempDir(), now)
	require.ErrorIs(t, err, ErrNoPolicy)
	_, err = Lint(filepath.Join(t.TempDir(), "missing"), now)
	require.True(t, errors.Is(err, os.ErrNotExist))
}
