// Package versioned runs the real binary on a versioned S3 bucket: what prune leaves of the versions, what the rights of packaging/iam
// allow, and how the past is read.
package versioned
