package systemd

// events gives an identity to each message that an operator may have to act on or search for. It is the MESSAGE_ID
// under which packaging/etcdward.catalog explains the message, and it stays the same if the text changes. An
// identity is never reused.
var events = map[string]string{
	"etcdward starts":                               "0efd55c047a54a71b36065c553b8efec",
	"etcdward stops":                                "5c6f34e251ed46909887b9b942773c95",
	"snapshot proven":                               "1231632467f14879977c6de88f991b26",
	"snapshot stored":                               "aad4a33eb8d44b78937ec91d6fd48c6a",
	"emergency snapshot stored":                     "71cad325ba1c420680ea082a215bcc4b",
	"job done with findings":                        "40eae63031524104883b2cbdfe136c10",
	"snapshot read back":                            "d4760c7e96af43f9b807723effe67aac",
	"store pruned":                                  "a06c2224282544e7b0a4e3c43b1add63",
	"job failed":                                    "44243f3c1371484999c906d46175c55d",
	"spool not delivered":                           "9e135525552e4846a67ac16ae53a2141",
	"spool is over its limit, snapshot dropped":     "3eb44bc24317445aa08e1ea040e39ecf",
	"snapshot differs from live members":            "bc68716af08c4c2894eaa8650b57f638",
	"snapshot set aside, no store can take it":      "5f1be0a1c1f94b6f8f1f2d0a7c3be946",
	"store overwrites, every snapshot is read back": "c07a4be29e0f4f0bb7a3f0d1e85a2c61",
	"snapshot moves on by a second, its ID is taken in the store": "e6b93c2d54a84f6c9a0e7715bd20f8a3",
	"a member's data differ from the majority's":                  "9d3c1f8a5be34c0e8b7f21d06a4e57c9",
	"member gave no snapshot":                                     "e2d16ec1e5ae4c0c802a7f11a1025df3",
	"configuration reloaded":                                      "da6c39d260dd462aa6529a904c822802",
	"configuration refused":                                       "25b9ca595d2248b2bbee80920bfcbe5e",
	"restarts between two runs":                                   "d47f4e1248284f00ac265aee01560550",
	"restart refused":                                             "997c8b7d13134876950995a11f552e11",
	"history compacted":                                           "14a567e571fc4033ac76c06f390f8b55",
	"member defragmented":                                         "a99f23a81ef34c5cb11c78d4e351a771",
	"members differ, nothing is defragmented":                     "6ace875572e54aa793de0476e8849cb1",
	"members differ after a defragmentation":                      "da23a7b8cb35489993d7ea58f411d802",
}
