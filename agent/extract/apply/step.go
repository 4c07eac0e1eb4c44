package apply

// The folders of --for-apply, in the order of applying, which is also that of their names: kubectl apply -R takes files in it.
const (
	stepNamespaces   = "01-namespaces"
	stepDefinitions  = "02-definitions"    // CustomResourceDefinitions: nothing of their kind can be created before
	stepClasses      = "03-classes"        // what other objects name: priorities, storage, runtimes, devices, ranges of addresses
	stepAccounts     = "04-accounts"       // before the Secrets of their tokens, which a controller deletes otherwise
	stepRoles        = "05-roles"          // before what binds them
	stepBindings     = "06-bindings"       //
	stepSettings     = "07-settings"       // what Pods read, and what bounds them: ConfigMaps, Secrets, NetworkPolicies, LimitRanges
	stepVolumes      = "08-volumes"        // before their claims, which count as lost otherwise
	stepClaims       = "09-claims"         //
	stepServices     = "10-services"       // before Pods, which get their addresses in the environment
	stepWorkloads    = "11-workloads"      //
	stepOthers       = "12-others"         // built-in kinds that refer to the former
	stepCustom       = "13-custom"         // custom resources: their operators are among the workloads
	stepQuotas       = "14-quotas"         // a new quota refuses everything until a controller has counted
	stepExtensions   = "15-api-extensions" // an APIService without its Pods blocks the deletion of namespaces
	stepInterceptors = "16-interceptors"   // webhooks and admission policies: they refuse what comes later, or need their Pods
)

// steps are the folders of built-in kinds. Every other built-in kind goes to stepOthers.
var steps = map[string]string{
	"Namespace": stepNamespaces,
	"apiextensions.k8s.io/CustomResourceDefinition": stepDefinitions,

	"scheduling.k8s.io/PriorityClass":                         stepClasses,
	"storage.k8s.io/StorageClass":                             stepClasses,
	"storage.k8s.io/VolumeAttributesClass":                    stepClasses,
	"storage.k8s.io/CSIDriver":                                stepClasses,
	"node.k8s.io/RuntimeClass":                                stepClasses,
	"networking.k8s.io/IngressClass":                          stepClasses,
	"networking.k8s.io/ServiceCIDR":                           stepClasses,
	"resource.k8s.io/DeviceClass":                             stepClasses,
	"flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration": stepClasses,
	"Node": stepClasses,

	"ServiceAccount": stepAccounts,

	"rbac.authorization.k8s.io/ClusterRole":        stepRoles,
	"rbac.authorization.k8s.io/Role":               stepRoles,
	"rbac.authorization.k8s.io/ClusterRoleBinding": stepBindings,
	"rbac.authorization.k8s.io/RoleBinding":        stepBindings,

	"ConfigMap":                       stepSettings,
	"Secret":                          stepSettings,
	"LimitRange":                      stepSettings,
	"networking.k8s.io/NetworkPolicy": stepSettings,

	"PersistentVolume":                      stepVolumes,
	"PersistentVolumeClaim":                 stepClaims,
	"resource.k8s.io/ResourceClaim":         stepClaims,
	"resource.k8s.io/ResourceClaimTemplate": stepClaims,
	"resource.k8s.io/ResourceSlice":         stepVolumes,

	"Service":                        stepServices,
	"Endpoints":                      stepServices,
	"discovery.k8s.io/EndpointSlice": stepServices,

	"Pod":                     stepWorkloads,
	"PodTemplate":             stepWorkloads,
	"ReplicationController":   stepWorkloads,
	"apps/Deployment":         stepWorkloads,
	"apps/ReplicaSet":         stepWorkloads,
	"apps/StatefulSet":        stepWorkloads,
	"apps/DaemonSet":          stepWorkloads,
	"apps/ControllerRevision": stepServices, // before the set that adopts it
	"batch/Job":               stepWorkloads,
	"batch/CronJob":           stepWorkloads,

	"ResourceQuota":                     stepQuotas,
	"apiregistration.k8s.io/APIService": stepExtensions,

	"admissionregistration.k8s.io/MutatingWebhookConfiguration":     stepInterceptors,
	"admissionregistration.k8s.io/ValidatingWebhookConfiguration":   stepInterceptors,
	"admissionregistration.k8s.io/MutatingAdmissionPolicy":          stepInterceptors,
	"admissionregistration.k8s.io/MutatingAdmissionPolicyBinding":   stepInterceptors,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy":        stepInterceptors,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": stepInterceptors,
}

// step returns the folder of an object.
func step(kind string, builtIn bool) string {
	if !builtIn {
		return stepCustom
	}
	if name, known := steps[kind]; known {
		return name
	}
	return stepOthers
}
