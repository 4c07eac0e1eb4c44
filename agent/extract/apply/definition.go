package apply

import (
	"maps"
	"slices"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// definition is what a CustomResourceDefinition says of its resources.
type definition struct {
	versions []definedVersion
	// converts means that a webhook changes objects from version to version; otherwise only their apiVersion changes.
	converts bool
}

type definedVersion struct {
	apiVersion               string
	served, stored, hasState bool // hasState: with a status subresource
}

// define notes a CustomResourceDefinition.
func (c *Cluster) define(tree map[string]any) {
	if tree["apiVersion"] == "apiextensions.k8s.io/v1beta1" {
		definitionToV1(tree, &Verdict{})
	}
	spec, _ := tree["spec"].(map[string]any)
	group, _ := spec["group"].(string)
	names, _ := spec["names"].(map[string]any)
	kind, _ := names["kind"].(string)
	conversion, _ := spec["conversion"].(map[string]any)
	d := definition{converts: conversion["strategy"] == "Webhook"}
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		subresources, _ := version["subresources"].(map[string]any)
		d.versions = append(d.versions, definedVersion{apiVersion: group + "/" + name, served: version["served"] == true,
			stored: version["storage"] == true, hasState: subresources["status"] != nil})
	}
	c.definitions[group+"/"+kind] = d
}

// serveCustom writes a custom resource in a version that is served. Its status is kept unless a server would drop it: without a
// status subresource it is the user's own.
func (c *Cluster) serveCustom(o *object.Object, v *Verdict) {
	of, defined := c.definitions[groupKind(o.APIVersion, o.Kind)]
	if !defined {
		if o.Tree["status"] != nil {
			v.remark("written with its status: its CustomResourceDefinition is not in the snapshot")
		}
		if c.served() != nil && !c.served()[o.APIVersion] {
			v.doubt("no API server of the snapshot serves %s", o.APIVersion)
		}
		return
	}
	version := of.choose(o.APIVersion)
	if version == nil {
		v.doubt("its CustomResourceDefinition serves no version that it can be written in")
		return
	}
	if version.apiVersion != o.APIVersion {
		v.remark("written as %s: %s is not served", version.apiVersion, o.APIVersion)
		o.APIVersion, o.Tree["apiVersion"] = version.apiVersion, version.apiVersion
	}
	if version.hasState {
		delete(o.Tree, "status")
	}
}

// choose returns the version that an object is written in; nil: none is served that it is not to be converted to.
func (d definition) choose(apiVersion string) *definedVersion {
	var served *definedVersion
	for i := range d.versions {
		version := &d.versions[i]
		switch {
		case !version.served:
		case version.apiVersion == apiVersion:
			return version
		case served == nil || version.stored:
			served = version
		}
	}
	if d.converts {
		return nil
	}
	return served
}

// definitionToV1 turns a CustomResourceDefinition of apiextensions.k8s.io/v1beta1 into one of v1: what was said once for all
// versions is said of each.
func definitionToV1(tree map[string]any, v *Verdict) {
	tree["apiVersion"] = "apiextensions.k8s.io/v1"
	spec, _ := tree["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if name, _ := spec["version"].(string); len(versions) == 0 && name != "" {
		versions = []any{map[string]any{"name": name, "served": true, "storage": true}}
		spec["versions"] = versions
	}
	keep, said := spec["preserveUnknownFields"].(bool)
	for _, entry := range versions {
		version, _ := entry.(map[string]any)
		for from, to := range map[string]string{"validation": "schema", "subresources": "subresources", "additionalPrinterColumns": "additionalPrinterColumns"} {
			if version != nil && version[to] == nil && spec[from] != nil {
				version[to] = clone(spec[from])
			}
		}
		columns, _ := version["additionalPrinterColumns"].([]any)
		for _, c := range columns {
			if column, _ := c.(map[string]any); column["JSONPath"] != nil {
				column["jsonPath"] = column["JSONPath"]
				delete(column, "JSONPath")
			}
		}
		if version != nil {
			structure(version, keep || !said, v)
		}
	}
	for _, name := range []string{"version", "validation", "subresources", "additionalPrinterColumns", "preserveUnknownFields"} {
		delete(spec, name)
	}
	conversion, _ := spec["conversion"].(map[string]any)
	if conversion["strategy"] == "Webhook" {
		webhook := map[string]any{"conversionReviewVersions": []any{"v1beta1"}}
		for from, to := range map[string]string{"webhookClientConfig": "clientConfig", "conversionReviewVersions": "conversionReviewVersions"} {
			if conversion[from] != nil {
				webhook[to] = conversion[from]
			}
		}
		conversion["webhook"] = webhook
	}
	delete(conversion, "webhookClientConfig")
	delete(conversion, "conversionReviewVersions")
}

// structure gives a version the structural schema that v1 demands. Fields that v1beta1 kept without knowing them are kept.
func structure(version map[string]any, keep bool, v *Verdict) {
	schema, _ := version["schema"].(map[string]any)
	root, _ := schema["openAPIV3Schema"].(map[string]any)
	if len(root) == 0 {
		version["schema"] = map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
		return
	}
	if complete(root, keep) {
		v.remark("the schema of %v got the types that it lacked", version["name"])
	}
}

// complete sets the type of every part of a schema, and reports whether one was missing.
func complete(schema map[string]any, keep bool) (added bool) {
	properties, _ := schema["properties"].(map[string]any)
	additional, _ := schema["additionalProperties"].(map[string]any)
	items, _ := schema["items"].(map[string]any)
	if schema["type"] == nil && schema["x-kubernetes-int-or-string"] != true && schema["x-kubernetes-preserve-unknown-fields"] != true {
		added = true
		switch {
		case properties != nil || schema["additionalProperties"] != nil:
			schema["type"] = "object"
		case items != nil:
			schema["type"] = "array"
		default:
			schema["x-kubernetes-preserve-unknown-fields"] = true
		}
	}
	if keep && schema["type"] == "object" && schema["additionalProperties"] == nil {
		schema["x-kubernetes-preserve-unknown-fields"] = true
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if property, _ := properties[name].(map[string]any); property != nil && name != "metadata" {
			added = complete(property, keep) || added
		}
	}
	for _, inner := range []map[string]any{additional, items} {
		if inner != nil {
			added = complete(inner, keep) || added
		}
	}
	return added
}
