// Package alert turns incidents into messages: a text that a person reads, the
// incident document for programs, and attributes that subscribers filter by.
// It sends them through SNS (Topic) or keeps them (Collector).
//
// It claims what the incident claims and no more. What others wrote
// (descriptions, names, tags, user agents) never becomes markup, a link, a
// mention, a control character or a line of its own: it all passes plain.
package alert
