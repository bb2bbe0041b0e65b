package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// BenchmarkVerify sets reading and verifying a token beside the bare ECDSA
// verification that is in it.
func BenchmarkVerify(b *testing.B) {
	d := domain(b)
	raw := rawKey(b, elliptic.P256())
	k := publicOf(b, &raw.PublicKey, jose.Sig)
	for _, size := range []int{1 << 10, 32 << 10, 180 << 10} {
		kid := d.Full(address.New(address.Identity)) + "/" + k.Thumbprint()[:8]
		token := compact(b, `{"alg":"ES256","kid":"`+kid+`"}`, `{"body":"`+strings.Repeat("x", size)+`"}`, raw)
		input := token[:strings.LastIndexByte(token, '.')]
		sig := rawSignature(b, input, raw)
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		b.Run("bare/"+strconv.Itoa(size), func(b *testing.B) {
			for b.Loop() {
				if sum := sha256.Sum256([]byte(input)); !ecdsa.Verify(&raw.PublicKey, sum[:], r, s) {
					b.Fatal("does not verify")
				}
			}
		})
		b.Run("token/"+strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tok, err := jose.ParseToken(token, d)
				if err != nil || tok.Verify(k) != nil {
					b.Fatal("does not verify")
				}
			}
		})
	}
}
