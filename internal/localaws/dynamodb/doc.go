// Package dynamodb is a strict DynamoDB in memory: tables with string keys,
// the reads, updates and transactions of a versioned store, in the JSON form
// of the API.
//
// It follows the documented semantics and is as strict as DynamoDB or
// stricter: an operation, parameter or piece of an expression that it does not
// know is an error, never ignored. Every request runs alone, so transactions
// are serialisable and TransactionConflict does not occur. There are no
// indexes, scans, capacity, streams or TTL deletion (which DynamoDB itself
// promises within days only); documents can be stored, and paths into them are
// refused.
package dynamodb
