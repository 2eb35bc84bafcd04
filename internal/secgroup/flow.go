package secgroup

// flow is protocol and 16-bit space on one line: protocol*65536 + place.
type flow uint32

const lastFlow flow = 1<<24 - 1

func (f flow) less(g flow) bool { return f < g }
func (f flow) next() flow       { return f + 1 }
func (f flow) prev() flow       { return f - 1 }

func flowAt(protocol uint8, place uint16) flow { return flow(protocol)<<16 | flow(place) }

func (f flow) protocol() uint8 { return uint8(f >> 16) }
func (f flow) place() uint16   { return uint16(f) }

// startOf and endOf are the first and last flow of a protocol.
func startOf(protocol uint8) flow { return flow(protocol) << 16 }
func endOf(protocol uint8) flow   { return flow(protocol)<<16 | 65535 }

// flowsOf is protocols x span as a canonical list, spans widened where a
// protocol has no second dimension.
func flowsOf(protocols ProtocolRange, span Span) []interval[flow] {
	if protocols.First > protocols.Last || span.First > span.Last {
		return nil
	}
	if span == FullSpan {
		return []interval[flow]{{startOf(protocols.First), endOf(protocols.Last)}}
	}
	var out []interval[flow]
	for p := int(protocols.First); p <= int(protocols.Last); p++ {
		iv := interval[flow]{startOf(uint8(p)), endOf(uint8(p))}
		if Protocol(p).HasPorts() || Protocol(p).IsICMP() {
			iv = interval[flow]{flowAt(uint8(p), span.First), flowAt(uint8(p), span.Last)}
		}
		out = appendInterval(out, iv)
	}
	return out
}

// byProtocol cuts flows into at most three pieces that are a range of
// protocols x one span:
//
//	protocol    5    |    6    |    7    |   8
//	flows              |---------------------|
//	pieces             |--| 6  |---- 7-8 ----|
func byProtocol(iv interval[flow]) []interval[flow] {
	first, last := iv.first.protocol(), iv.last.protocol()
	if first == last || iv.first == startOf(first) && iv.last == endOf(last) {
		return []interval[flow]{iv}
	}
	var out []interval[flow]
	whole := iv
	if iv.first != startOf(first) {
		out = append(out, interval[flow]{iv.first, endOf(first)})
		whole.first = endOf(first) + 1
	}
	if iv.last != endOf(last) {
		whole.last = startOf(last) - 1
	}
	if whole.first <= whole.last {
		out = append(out, whole)
	}
	if iv.last != endOf(last) {
		out = append(out, interval[flow]{startOf(last), iv.last})
	}
	return out
}
