package policy

import (
	"encoding/json"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// MaxData is how many bytes a data file may have: ip-ranges.json of AWS has
// about two million.
const MaxData = 16 << 20

// freshRanges is how long a list of AWS's ranges counts as new: AWS changes it
// several times a week, mostly by adding.
const freshRanges = 60 * 24 * time.Hour

// IsData reports whether a file of a policy folder is data that settings may
// name, and no policy file: ip-ranges.json, or ip-ranges-ANYTHING.json.
func IsData(file string) bool {
	name := path.Base(strings.ReplaceAll(file, `\`, "/"))
	return strings.HasPrefix(name, "ip-ranges") && strings.HasSuffix(name, ".json")
}

// ipRanges is the document that AWS publishes as ip-ranges.json (VPC user guide,
// "AWS IP address ranges", read 2025-11).
type ipRanges struct {
	CreateDate string `json:"createDate"` // 2006-01-02-15-04-05, UTC
	Prefixes   []struct {
		Prefix  string `json:"ip_prefix"`
		Region  string `json:"region"`
		Service string `json:"service"`
	} `json:"prefixes"`
	IPv6Prefixes []struct {
		Prefix  string `json:"ipv6_prefix"`
		Region  string `json:"region"`
		Service string `json:"service"`
	} `json:"ipv6_prefixes"`
}

// awsRanges declares the sets that hold ranges of AWS.
func (p *folderReader) awsRanges(list keyed[rangesSyntax]) {
	for i := range list {
		name, r := list[i].key, &list[i].value
		if _, taken := p.sets.declared[name.text]; taken {
			p.fault(name.position, "give one of them another name", "set %q is declared under sets, too", name.text)
			continue
		}
		if !only(name.text, setLetters) {
			p.fault(name.position, "lower-case letters, digits, - _ and .", "%q cannot be the name of a set", name.text)
			continue
		}
		p.sets.declared[name.text] = &declaredSet{name: name, state: setDone, blocks: p.rangesOf(r)}
	}
}

// rangesOf gives the blocks of services and regions of a file, each once.
func (p *folderReader) rangesOf(r *rangesSyntax) []netip.Prefix {
	if r.File.text == "" {
		return nil
	}
	i := slices.IndexFunc(p.data, func(s Source) bool {
		file := strings.ReplaceAll(s.File, `\`, "/")
		return file == r.File.text || strings.HasSuffix(file, "/"+r.File.text)
	})
	if i < 0 {
		p.fault(r.File.position, "put ip-ranges.json of AWS beside the settings: https://ip-ranges.amazonaws.com/ip-ranges.json", "there is no data file %q in the folder", r.File.text)
		return nil
	}
	if len(p.data[i].Text) > MaxData {
		p.fault(r.File.position, "", "%s is larger than the %d bytes that a data file may have", r.File.text, MaxData)
		return nil
	}
	var all ipRanges
	if err := json.Unmarshal(p.data[i].Text, &all); err != nil {
		p.fault(r.File.position, "download it again", "%s is not the JSON of AWS's ranges: %v", r.File.text, err)
		return nil
	}
	created, err := time.Parse("2006-01-02-15-04-05", all.CreateDate)
	if err != nil {
		p.fault(r.File.position, "download it again", "%s does not say when it was made: createDate is %q", r.File.text, all.CreateDate)
		return nil
	}
	p.out.forLint.ranges = append(p.out.forLint.ranges, madeOn{r.File.position, r.File.text, created})
	var blocks []netip.Prefix
	services, regions := map[string]bool{}, map[string]bool{}
	take := func(prefix, service, region string) bool {
		services[service], regions[region] = true, true
		if len(r.Services) > 0 && !holdsText(r.Services, service) || len(r.Regions) > 0 && !holdsText(r.Regions, region) {
			return true
		}
		block, err := netip.ParsePrefix(prefix)
		if err != nil {
			p.fault(r.File.position, "download it again", "%s holds %q, which is no block", r.File.text, prefix)
			return false
		}
		blocks = append(blocks, block.Masked())
		return true
	}
	for _, e := range all.Prefixes {
		if !take(e.Prefix, e.Service, e.Region) {
			return nil
		}
	}
	for _, e := range all.IPv6Prefixes {
		if !take(e.Prefix, e.Service, e.Region) {
			return nil
		}
	}
	p.unheard(r.Services, services, "service", r.File.text)
	p.unheard(r.Regions, regions, "region", r.File.text)
	slices.SortFunc(blocks, netip.Prefix.Compare)
	return slices.Compact(blocks)
}

// unheard refuses names that a file of ranges has nothing of: such a set would
// lack what its author meant.
func (p *folderReader) unheard(names []word, known map[string]bool, what, file string) {
	for _, w := range names {
		if w.text != "" && !known[w.text] {
			p.fault(w.position, didYouMean(w.text, sortedKeys(known)), "%s has no ranges of %s %q", file, what, w.text)
		}
	}
}

func holdsText(list []word, text string) bool {
	return slices.ContainsFunc(list, func(w word) bool { return w.text == text })
}

// madeOn is when a data file was made.
type madeOn struct {
	at   position
	file string
	when time.Time
}

// lintRanges warns of ranges that are old: what AWS added since is missed.
func lintRanges(m madeOn, now time.Time) []Diagnostic {
	if now.Sub(m.when) <= freshRanges {
		return nil
	}
	w := m.at.diagnostic("download it again", m.file+" is of "+m.when.Format(time.DateOnly)+": what AWS added since then is not in it")
	w.Warning = true
	return []Diagnostic{w}
}
