package api

import "strconv"

// Code is a NiX response code (section 12). Its first digit tells where an
// outcome comes from: 1 client to client, 2 success, 4 the client's error, 5 the
// server's, 6 the rest.
type Code int

// From client to client (section 6, "wait").
const (
	CodeAnswered        Code = 10001
	CodeAnsweredPackage Code = 10016
	CodeDenied          Code = 10403
)

// Success.
const (
	CodeOK              Code = 20001
	CodeRegistered      Code = 20011
	CodeIdentity        Code = 20012
	CodeSigKeyUpdated   Code = 20013
	CodeEncKeyUpdated   Code = 20014
	CodeMetaUpdated     Code = 20015
	CodeServedFromCache Code = 20016
	CodeDataStored      Code = 20017
	CodeData            Code = 20018
	CodeMembersSet      Code = 20019
	CodeSent            Code = 20020
	CodeStoredListening Code = 20021
	CodeStored          Code = 20022
	CodeDuplicate       Code = 20023
	CodeCleared         Code = 20024
	CodeMessages        Code = 20025
	CodeAcked           Code = 20026
	CodePackages        Code = 20027
	CodeEvents          Code = 20028
	CodeRetired         Code = 20030
	CodeCustomerCreated Code = 20040
	CodeCustomers       Code = 20041
	CodeCustomer        Code = 20042
	CodeCustomerUpdated Code = 20043
	CodeAppCreated      Code = 20044
	CodeApps            Code = 20045
	CodeApp             Code = 20046
	CodeAppUpdated      Code = 20047
	CodeKeyCreated      Code = 20048
	CodeKeys            Code = 20049
	CodeKey             Code = 20050
	CodeKeyUpdated      Code = 20051
	CodeKeyRotated      Code = 20052
	CodeKeyDeleted      Code = 20053
	CodeClusterStatus   Code = 20060
)

// The client's errors.
const (
	CodeUnreadable      Code = 40000
	CodeMissingField    Code = 40001
	CodeWrongType       Code = 40002
	CodeBadAddress      Code = 40003
	CodeBadValue        Code = 40004
	CodeBadCursor       Code = 40005
	CodeBadToken        Code = 40010
	CodeBadAlgorithm    Code = 40011
	CodeBadSignature    Code = 40012
	CodeKeyNotCurrent   Code = 40013
	CodeBadTarget       Code = 40014
	CodeBadIssuedAt     Code = 40015
	CodeProofTime       Code = 40016
	CodeProofAudience   Code = 40017
	CodeProofSubject    Code = 40018
	CodeBadKey          Code = 40019
	CodeTooManyMessages Code = 40020
	CodeMessageExpired  Code = 40021
	CodeTooManyItems    Code = 40022
	CodeNoMembersHere   Code = 40023
	CodeNoCredentials   Code = 40100
	CodeUnknownKey      Code = 40101
	CodeKeyDisabled     Code = 40102
	CodeKeyExpired      Code = 40103
	CodeTenantDisabled  Code = 40104
	CodeBadCredentials  Code = 40105
	CodeScope           Code = 40300
	CodeOtherApp        Code = 40301
	CodeNoEndpoint      Code = 40400
	CodeNoIdentity      Code = 40401
	CodeNoData          Code = 40402
	CodeOtherDomain     Code = 40403
	CodeNoTenant        Code = 40404
	CodeWrongMethod     Code = 40500
	CodeSlowRequest     Code = 40800
	CodeStaleToken      Code = 40900
	CodeKeyTaken        Code = 40902
	CodeRetiredIdentity Code = 41000
	CodeBodyTooLarge    Code = 41300
	CodeMessageTooLarge Code = 41301
	CodeItemTooLarge    Code = 41302
	CodeRateLimited     Code = 42900
	CodeMailboxFull     Code = 42901
)

// The server's errors, and the rest.
const (
	CodeInternal       Code = 50000
	CodeNoLeader       Code = 50300
	CodeOverloaded     Code = 50301
	CodeNotReady       Code = 50302
	CodeUnknownOutcome Code = 50400
	CodeGoingDown      Code = 60000
	CodeTLSRequired    Code = 60001
	CodeTooManyStreams Code = 60002
	CodeReaderTooSlow  Code = 60003
)

// CodeInfo is a row of the code table.
type CodeInfo struct {
	Code   Code
	Name   string // the constant's name without "Code"; stable, used in metrics and docs
	Status int    // the HTTP status it goes with
	Text   string // the public text: msg of a success, err of a failure
}

// Info gives the row of c. An unknown code (of a newer server) gives a row with
// the status that its digits suggest.
func (c Code) Info() CodeInfo {
	if i, ok := codeIndex[c]; ok {
		return codeTable[i]
	}
	return CodeInfo{Code: c, Name: "Unknown", Status: c.guessStatus(), Text: "code " + strconv.Itoa(int(c))}
}

func (c Code) guessStatus() int {
	switch s := int(c) / 100; {
	case c >= 10000 && c < 30000:
		return 200
	case c >= 40000 && c < 60000 && s < 600:
		return s
	}
	return 500
}

// Status gives the HTTP status that goes with c.
func (c Code) Status() int { return c.Info().Status }

// Text gives the public text of c.
func (c Code) Text() string { return c.Info().Text }

// Success reports whether c says that what was asked for is done or answered.
func (c Code) Success() bool { return c >= 10000 && c < 30000 && c != CodeDenied }

// Temporary reports whether the same request may well succeed when it is sent
// again a little later. It is always safe to do so: every change is idempotent.
func (c Code) Temporary() bool {
	switch c {
	case CodeNoLeader, CodeOverloaded, CodeNotReady, CodeUnknownOutcome, CodeGoingDown, CodeRateLimited, CodeReaderTooSlow:
		return true
	}
	return false
}

// Codes gives the whole table, ascending. The caller owns the slice.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codeTable...) }
