package incident

// Document is the type that the published schema is generated from.
type Document = document
