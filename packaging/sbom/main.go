// Command sbom prints what a Go binary was built from, as SPDX 2.3 JSON. It knows what the linker recorded in the
// binary, and nothing about the packages of distributions.
//
// Its one invariant: the same binary and SOURCE_DATE_EPOCH give the same bytes.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// document is the part of SPDX that is used here.
type document struct {
	SPDXVersion       string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	SPDXID            string         `json:"SPDXID"`
	Name              string         `json:"name"`
	DocumentNamespace string         `json:"documentNamespace"`
	CreationInfo      creation       `json:"creationInfo"`
	Packages          []component    `json:"packages"`
	Relationships     []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type component struct {
	SPDXID           string      `json:"SPDXID"`
	Name             string      `json:"name"`
	VersionInfo      string      `json:"versionInfo"`
	DownloadLocation string      `json:"downloadLocation"`
	FilesAnalyzed    bool        `json:"filesAnalyzed"`
	ExternalRefs     []reference `json:"externalRefs"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "sbom BINARY VERSION ARCHITECTURE")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(binary, version, architecture string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read build info: %w", err)
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(describe(info, version, architecture, time.Unix(seconds, 0).UTC()))
}

// describe lists the binary, the toolchain with its standard library, and each module that is in it.
func describe(info *buildinfo.BuildInfo, version, architecture string, created time.Time) document {
	d := document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
		Name:              "etcdward-" + version + "-" + architecture,
		DocumentNamespace: fmt.Sprintf("https://%s/spdx/%s/%s", info.Main.Path, version, architecture),
		CreationInfo:      creation{created.Format(time.RFC3339), []string{"Tool: etcdward-sbom"}},
		Packages:          []component{module("SPDXRef-etcdward", info.Main.Path, "v"+version)},
		Relationships:     []relationship{{"SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-etcdward"}},
	}
	add := func(c component) {
		d.Packages = append(d.Packages, c)
		d.Relationships = append(d.Relationships, relationship{"SPDXRef-etcdward", "DEPENDS_ON", c.SPDXID})
	}
	add(module("SPDXRef-stdlib", "stdlib", strings.TrimPrefix(info.GoVersion, "go")))
	for i, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		add(module(fmt.Sprintf("SPDXRef-module-%d", i), dep.Path, dep.Version))
	}
	return d
}

func module(id, path, version string) component {
	return component{id, path, version, "NOASSERTION", false,
		[]reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
}
