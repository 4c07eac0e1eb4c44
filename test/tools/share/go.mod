module github.com/etcdward/etcdward/test/tools/share

go 1.26.0

tool github.com/etcdward/etcdward/test/tools/share

require github.com/hanwen/go-fuse/v2 v2.12.1

require golang.org/x/sys v0.28.0 // indirect
