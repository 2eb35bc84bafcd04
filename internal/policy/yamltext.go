package policy

import "strings"

// blockText reads text behind | or >: the lines below that are indented deeper
// than the block around.
func (y *yamlReader) blockText(around int) yamlNode {
	line, begins := y.line(), y.at
	at := y.place(begins, begins+1)
	folded := line[begins] == '>'
	keep, indentation := byte(0), 0
	for y.at++; y.at < len(line); y.at++ {
		switch c := line[y.at]; {
		case (c == '+' || c == '-') && keep == 0:
			keep = c
			continue
		case c >= '1' && c <= '9' && indentation == 0:
			indentation = max(around, 0) + int(c-'0')
			continue
		}
		break
	}
	if y.onLine() {
		y.syntax(y.place(y.at, len(line)), `begin the text on the next line, or put "quotes" around it`, "there is something behind %c", line[begins])
		return yamlNode{position: at, kind: yamlText}
	}
	y.row, y.at = y.row+1, 0
	if indentation == 0 {
		indentation = y.indentationBelow(around)
	}
	return yamlNode{position: at, kind: yamlText, text: y.blockLines(indentation, folded, keep)}
}

// indentationBelow is that of the first line of a text which is not empty.
func (y *yamlReader) indentationBelow(around int) int {
	widest := 0 // empty line
	for _, line := range y.source.lines[y.row:] {
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if spaces < len(line) {
			if spaces <= around {
				break
			}
			return max(spaces, widest, 1)
		}
		widest = max(widest, spaces)
	}
	return max(widest, around+1, 1)
}

// blockLines reads lines of that indentation, and makes text of them.
func (y *yamlReader) blockLines(indentation int, folded bool, keep byte) string {
	var text []byte
	empty, ended, indented := 0, false, false // lines before; whether the last one has an end, and begins with a blank
	for ; !y.ended(); y.row++ {
		line := y.line()
		last := y.row == len(y.source.lines)-1
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if spaces == len(line) && spaces <= indentation {
			if !last {
				empty++
			}
			continue
		}
		if spaces < indentation {
			break
		}
		line = line[indentation:]
		blank := isBlank(line[0])
		switch {
		case ended && (!folded || indented || blank):
			text = append(text, '\n')
		case ended && empty == 0:
			text = append(text, ' ')
		}
		for ; empty > 0; empty-- {
			text = append(text, '\n')
		}
		text = append(text, line...)
		ended, indented = !last, blank
	}
	if ended && keep != '-' {
		text = append(text, '\n')
	}
	if keep == '+' {
		text = append(text, strings.Repeat("\n", empty)...)
	}
	return string(text)
}
