package command

// constructors has one row for each Type: the only list of what this version
// understands.
var constructors = map[Type]func() Command{
	TypeBootstrap:         func() Command { return new(Bootstrap) },
	TypeCreateCustomer:    func() Command { return new(CreateCustomer) },
	TypeUpdateCustomer:    func() Command { return new(UpdateCustomer) },
	TypeCreateApplication: func() Command { return new(CreateApplication) },
	TypeUpdateApplication: func() Command { return new(UpdateApplication) },
	TypeCreateKey:         func() Command { return new(CreateKey) },
	TypeUpdateKey:         func() Command { return new(UpdateKey) },
	TypeRotateKey:         func() Command { return new(RotateKey) },
	TypeDeleteKey:         func() Command { return new(DeleteKey) },

	TypeRegister:     func() Command { return new(Register) },
	TypeUpdateSigKey: func() Command { return new(UpdateSigKey) },
	TypeUpdateEncKey: func() Command { return new(UpdateEncKey) },
	TypeUpdateMeta:   func() Command { return new(UpdateMeta) },
	TypeStoreData:    func() Command { return new(StoreData) },
	TypeSetMembers:   func() Command { return new(SetMembers) },
	TypeRetire:       func() Command { return new(Retire) },
	TypeTouch:        func() Command { return new(Touch) },

	TypeAccept: func() Command { return new(Accept) },
	TypeAck:    func() Command { return new(Ack) },

	TypeExpire: func() Command { return new(Expire) },
}

// newCommand gives an empty command of type t, or nil when t is unknown.
func newCommand(t Type) Command {
	if construct := constructors[t]; construct != nil {
		return construct()
	}
	return nil
}
