// Package cloudtrailproxy stands between a client of EC2 and an endpoint, and
// makes of each call that changes something the CloudTrail record that AWS
// would: of the request and the answer as they passed, in the dialect of the
// call, written by the writer of the embedded EC2.
//
// It passes everything else as it is, other services' calls too. It decides
// nothing, and no function links it.
package cloudtrailproxy
