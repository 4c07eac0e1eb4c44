package apply

import "strings"

// convert changes an object of a built-in kind from one version to another as an API server does, where their fields differ. The
// caller checks that every field of the result exists.
func convert(from, to string, tree map[string]any, v *Verdict) {
	spec, _ := tree["spec"].(map[string]any)
	kind, _ := tree["kind"].(string)
	switch groupKind(from, kind) {
	case "apiextensions.k8s.io/CustomResourceDefinition":
		definitionToV1(tree, v)
	case "apps/Deployment", "apps/DaemonSet", "apps/StatefulSet", "apps/ReplicaSet":
		delete(spec, "rollbackTo")         // an order that was carried out
		delete(spec, "templateGeneration") // the controller counts by itself
	case "networking.k8s.io/Ingress":
		ingress(spec)
	case "policy/PodDisruptionBudget":
		disruptionBudget(spec)
	case "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration":
		rename(inner(spec, "limited"), "assuredConcurrencyShares", "nominalConcurrencyShares")
	case "discovery.k8s.io/EndpointSlice":
		endpoints(tree)
	case "resource.k8s.io/ResourceClaim":
		deviceRequests(spec)
	case "resource.k8s.io/ResourceClaimTemplate":
		deviceRequests(inner(spec, "spec"))
	case "resource.k8s.io/ResourceSlice":
		devices(spec)
	case "rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding":
		subjects(tree)
	case "node.k8s.io/RuntimeClass":
		if spec != nil {
			rename(spec, "runtimeHandler", "handler")
			lift(tree, "spec")
		}
	case "admissionregistration.k8s.io/MutatingWebhookConfiguration", "admissionregistration.k8s.io/ValidatingWebhookConfiguration":
		webhooks(to, tree, v)
	}
}

func inner(of map[string]any, name string) map[string]any {
	m, _ := of[name].(map[string]any)
	return m
}

// each calls do for the maps of a list.
func each(of map[string]any, name string, do func(map[string]any)) {
	all, _ := of[name].([]any)
	for _, element := range all {
		if m, _ := element.(map[string]any); m != nil {
			do(m)
		}
	}
}

func rename(of map[string]any, from, to string) {
	if value, there := of[from]; there {
		of[to] = value
		delete(of, from)
	}
}

// lift moves the fields of an inner map into the outer one.
func lift(of map[string]any, name string) {
	for field, value := range inner(of, name) {
		of[field] = value
	}
	delete(of, name)
}

// ingress turns backends that name a service and a port into those that have them apart.
func ingress(spec map[string]any) {
	rename(spec, "backend", "defaultBackend")
	backend(inner(spec, "defaultBackend"))
	each(spec, "rules", func(rule map[string]any) {
		each(inner(rule, "http"), "paths", func(path map[string]any) {
			backend(inner(path, "backend"))
			if path["pathType"] == nil {
				path["pathType"] = "ImplementationSpecific"
			}
		})
	})
}

func backend(of map[string]any) {
	name, there := of["serviceName"]
	if !there {
		return
	}
	service := map[string]any{"name": name}
	switch port := of["servicePort"].(type) {
	case int64:
		if port != 0 {
			service["port"] = map[string]any{"number": port}
		}
	case string:
		service["port"] = map[string]any{"name": port}
	}
	if name != "" {
		of["service"] = service
	}
	delete(of, "serviceName")
	delete(of, "servicePort")
}

// disruptionBudget keeps the meaning of selectors: the empty one selects no Pod in v1beta1, and every Pod in v1.
func disruptionBudget(spec map[string]any) {
	const label = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match"
	selector, there := spec["selector"].(map[string]any)
	if !there {
		return
	}
	expressions, _ := selector["matchExpressions"].([]any)
	if labels := inner(selector, "matchLabels"); len(labels) == 0 && len(expressions) == 0 {
		selector["matchExpressions"] = []any{map[string]any{"key": label, "operator": "Exists"}}
		return
	}
	var kept []any
	for _, e := range expressions {
		if expression, _ := e.(map[string]any); expression["key"] != label {
			kept = append(kept, e)
		}
	}
	delete(selector, "matchExpressions")
	if len(kept) > 0 {
		selector["matchExpressions"] = kept
	}
}

// endpoints moves the topology of addresses into the fields of v1.
func endpoints(tree map[string]any) {
	each(tree, "endpoints", func(endpoint map[string]any) {
		topology := inner(endpoint, "topology")
		for label, field := range map[string]string{"kubernetes.io/hostname": "nodeName", "topology.kubernetes.io/zone": "zone"} {
			if topology[label] != nil {
				endpoint[field] = topology[label]
				delete(topology, label)
			}
		}
		if len(topology) > 0 {
			endpoint["deprecatedTopology"] = topology
		}
		delete(endpoint, "topology")
	})
}

// deviceRequests gives requests for exactly one kind of device their own level.
func deviceRequests(spec map[string]any) {
	each(inner(spec, "devices"), "requests", func(request map[string]any) {
		exactly := map[string]any{}
		for name, value := range request {
			if name != "name" && name != "firstAvailable" && name != "exactly" {
				exactly[name] = value
				delete(request, name)
			}
		}
		if request["firstAvailable"] == nil && request["exactly"] == nil && len(exactly) > 0 {
			request["exactly"] = exactly
		}
	})
}

func devices(spec map[string]any) {
	each(spec, "devices", func(device map[string]any) {
		if inner(device, "basic") != nil {
			lift(device, "basic")
		}
	})
}

// subjects replaces the apiVersion of v1alpha1 by a group.
func subjects(tree map[string]any) {
	each(tree, "subjects", func(subject map[string]any) {
		if apiVersion, there := subject["apiVersion"].(string); there {
			delete(subject, "apiVersion")
			if group := groupOf(apiVersion); group != "" {
				subject["apiGroup"] = group
			} else if kind, _ := subject["kind"].(string); kind != "ServiceAccount" {
				subject["apiGroup"] = "rbac.authorization.k8s.io"
			}
		}
	})
}

// webhooks doubts those that v1 refuses: it demands to know that a webhook has no side effects.
func webhooks(to string, tree map[string]any, v *Verdict) {
	if !strings.HasSuffix(to, "/v1") {
		return
	}
	each(tree, "webhooks", func(webhook map[string]any) {
		if effects := webhook["sideEffects"]; effects != "None" && effects != "NoneOnDryRun" {
			v.doubt("the webhook %v has sideEffects %v, which %s refuses", webhook["name"], effects, to)
		}
	})
}
