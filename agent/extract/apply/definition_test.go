package apply

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/kinds"
)

// TestDefinitionToV1 holds what of a CustomResourceDefinition of v1beta1 goes where in v1.
func TestDefinitionToV1(t *testing.T) {
	const free = `{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}`
	for name, test := range map[string]struct{ spec, want, remark string }{
		"said once": {
			`{"group":"g","version":"v1","preserveUnknownFields":false,"validation":{"openAPIV3Schema":{"type":"object"}},"subresources":{"status":{}},"additionalPrinterColumns":[{"name":"a","type":"string","JSONPath":".a"}],"versions":[{"name":"v1","served":true,"storage":true},{"name":"v2","served":false,"storage":false}]}`,
			`{"group":"g","versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}},"subresources":{"status":{}},"additionalPrinterColumns":[{"name":"a","type":"string","jsonPath":".a"}]},
				{"name":"v2","served":false,"storage":false,"schema":{"openAPIV3Schema":{"type":"object"}},"subresources":{"status":{}},"additionalPrinterColumns":[{"name":"a","type":"string","jsonPath":".a"}]}]}`, ""},
		"said of each": {
			`{"preserveUnknownFields":false,"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}},"additionalPrinterColumns":[{"JSONPath":".b"}]},{"name":"v2","schema":{"openAPIV3Schema":{"type":"object","description":"x"}},"subresources":{"scale":{"specReplicasPath":".r"}}}]}`,
			`{"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}},"additionalPrinterColumns":[{"jsonPath":".b"}]},{"name":"v2","schema":{"openAPIV3Schema":{"type":"object","description":"x"}},"subresources":{"scale":{"specReplicasPath":".r"}}}]}`, ""},
		"one version":              {`{"version":"v1","preserveUnknownFields":false}`, `{"versions":[{"name":"v1","served":true,"storage":true,"schema":` + free + `}]}`, ""},
		"no schema":                {`{"versions":[{"name":"v1"}]}`, `{"versions":[{"name":"v1","schema":` + free + `}]}`, ""},
		"strategy":                 {`{"conversion":{"strategy":"None"}}`, `{"conversion":{"strategy":"None"}}`, ""},
		"webhook":                  {`{"conversion":{"strategy":"Webhook","webhookClientConfig":{"url":"https://x"},"conversionReviewVersions":["v1"]}}`, `{"conversion":{"strategy":"Webhook","webhook":{"clientConfig":{"url":"https://x"},"conversionReviewVersions":["v1"]}}}`, ""},
		"webhook without versions": {`{"conversion":{"strategy":"Webhook","webhookClientConfig":{"url":"https://x"}}}`, `{"conversion":{"strategy":"Webhook","webhook":{"clientConfig":{"url":"https://x"},"conversionReviewVersions":["v1beta1"]}}}`, ""},
		"unknown fields are kept": {
			`{"preserveUnknownFields":true,"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"a":{"type":"string"}}},"metadata":{"type":"object"},"m":{"type":"object","additionalProperties":{"type":"object"}}}}}}]}`,
			`{"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}}},"metadata":{"type":"object"},"m":{"type":"object","additionalProperties":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}}]}`, ""},
		"types are missing": {
			`{"preserveUnknownFields":false,"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"properties":{"a":{"items":{"type":"string"}},"b":{},"c":{"x-kubernetes-int-or-string":true}}}}}]}`,
			`{"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}},"b":{"x-kubernetes-preserve-unknown-fields":true},"c":{"x-kubernetes-int-or-string":true}}}}}]}`, "got the types that it lacked"},
	} {
		o := parsed(t, `{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","metadata":{"name":"x"},"spec":`+test.spec+`,"status":{"storedVersions":["v1"]}}`)
		v := serving(t, of34...).Prepare(&o)
		if o.APIVersion != "apiextensions.k8s.io/v1" || o.Tree["status"] != nil || v.Doubtful || !strings.Contains(strings.Join(v.Remarks, "; "), test.remark) {
			t.Errorf("%s: %s %+v", name, o.APIVersion, v)
		}
		if diff := kinds.Difference("", kinds.Plain(t, o.Tree["spec"]), kinds.Plain(t, json.RawMessage(test.want))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestCustomResources holds which version a custom resource is written in, and when its status is its user's own.
func TestCustomResources(t *testing.T) {
	definition := func(apiVersion, more string) string {
		return fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/%s","kind":"CustomResourceDefinition","metadata":{"name":"x"},"spec":{"group":"example.com","names":{"kind":"Widget"},%s}}`, apiVersion, more)
	}
	const status, none = `{"mine":1}`, ""
	for name, test := range map[string]struct {
		definition, stored string
		want, status       string
		remark             string
		doubt              bool
	}{
		"no subresource":              {definition("v1", `"versions":[{"name":"v1","served":true,"storage":true}]`), "v1", "v1", status, "", false},
		"subresource":                 {definition("v1", `"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}}}]`), "v1", "v1", none, "", false},
		"only scale":                  {definition("v1", `"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"scale":{}}}]`), "v1", "v1", status, "", false},
		"subresource as it was":       {definition("v1beta1", `"subresources":{"status":{}},"versions":[{"name":"v1","served":true,"storage":true}]`), "v1", "v1", none, "", false},
		"no subresource as it was":    {definition("v1beta1", `"version":"v1"`), "v1", "v1", status, "", false},
		"of another version":          {definition("v1", `"versions":[{"name":"v2","served":true,"subresources":{"status":{}}},{"name":"v1","served":true,"storage":true}]`), "v1", "v1", status, "", false},
		"no definition":               {"", "v1", "v1", status, "its CustomResourceDefinition is not in the snapshot", false},
		"version that is served not":  {definition("v1", `"versions":[{"name":"v1","served":false},{"name":"v2","served":true},{"name":"v3","served":true,"storage":true,"subresources":{"status":{}}}]`), "v1", "v3", none, "written as example.com/v3", false},
		"version that is no more":     {definition("v1", `"versions":[{"name":"v2","served":true,"storage":true}]`), "v1", "v2", status, "written as example.com/v2", false},
		"version that is converted":   {definition("v1", `"conversion":{"strategy":"Webhook"},"versions":[{"name":"v2","served":true,"storage":true}]`), "v1", "v1", status, "serves no version", true},
		"no version is served at all": {definition("v1", `"versions":[{"name":"v1","served":false,"storage":true}]`), "v1", "v1", status, "serves no version", true},
	} {
		c := New()
		if test.definition != "" {
			c = learned(t, test.definition)
		}
		o := parsed(t, fmt.Sprintf(`{"apiVersion":"example.com/%s","kind":"Widget","metadata":{"name":"w"},"status":%s}`, test.stored, status))
		v := c.Prepare(&o)
		kept, _ := json.Marshal(o.Tree["status"])
		if o.APIVersion != "example.com/"+test.want || string(kept) != test.status && (test.status != none || o.Tree["status"] != nil) || v.Doubtful != test.doubt || !strings.Contains(strings.Join(v.Remarks, "; "), test.remark) {
			t.Errorf("%s: %s, status %s, %+v", name, o.APIVersion, kept, v)
		}
		if v.Step != stepCustom {
			t.Errorf("%s: in %s", name, v.Step)
		}
	}
	o := parsed(t, `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"}}`)
	if v := serving(t, of34...).Prepare(&o); !v.Doubtful || !strings.Contains(v.Remarks[0], "no API server of the snapshot serves example.com/v1") {
		t.Errorf("of a group that is not served: %+v", v)
	}
}
