package config

import (
	"reflect"

	"github.com/etcdward/etcdward/agent/config/document"
	"github.com/etcdward/etcdward/agent/config/value"
)

// The types of values that the rest of the agent uses, under the names that it uses.
type (
	// File names a file that etcdward reads.
	File = value.File
	// Schedule is when a job is due.
	Schedule = value.Schedule
	// Size is a number of bytes.
	Size = value.Size
	// TimeZone is where the schedules are read.
	TimeZone = value.TimeZone
	// Problem is one mistake in the file.
	Problem = document.Problem
	// Invalid means that the file was read and must be changed.
	Invalid = document.Invalid
)

// Off switches a job or the metrics off when it is given in place of a schedule or of metrics.listen.
const Off = value.Off

// Keys are all keys that hold a value, in the order of the file, such as cluster.name and stores[].s3.bucket.
func Keys() []string { return document.Keys(reflect.TypeFor[Config]()) }

// YAML is the effective configuration with every key. [Parse] reads it back to an equal Config, unless a secret is set: that is
// printed as <secret>, which Parse refuses, so that nobody installs the printed file as the real one.
func (c *Config) YAML() []byte { return document.YAML(c) }

// Schema is the JSON Schema of the configuration file, for editors. It accepts every file that [Parse] accepts.
func Schema() []byte {
	return document.Schema(reflect.TypeFor[Config](), "https://github.com/etcdward/etcdward/config.schema.json", "etcdward configuration")
}
