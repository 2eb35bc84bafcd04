package query

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadReadsWhatXMLWrites(t *testing.T) {
	answer := Object{}.With("return", true).With("n", 7).With("text", "a<b>&\"c\" \n").With("empty", "").With("list", List{"x", Object{}.With("k", "v")}).
		With("inner", Object{}.With("item", "one").With("other", "two"))
	got, fault, id, err := Read(XML("CreateTags", "id-1", answer))
	require.NoError(t, err)
	require.Nil(t, fault)
	require.Equal(t, "id-1", id)
	want := Object{}.With("return", "true").With("n", "7").With("text", "a<b>&\"c\" \n").With("empty", "").With("list", List{"x", Object{}.With("k", "v")}).
		With("inner", Object{}.With("item", "one").With("other", "two"))
	require.Equal(t, want, got)
}

func TestReadReadsFaults(t *testing.T) {
	got, fault, id, err := Read(FaultXML("id-2", &Fault{Status: 400, Code: "InvalidGroup.NotFound", Message: "no <such> group"}))
	require.NoError(t, err)
	require.Empty(t, got)
	require.Equal(t, &Fault{Code: "InvalidGroup.NotFound", Message: "no <such> group"}, fault)
	require.Equal(t, "id-2", id)
}

func TestReadRefusesWhatIsNoAnswer(t *testing.T) {
	for _, text := range []string{"", "<a>", "{}", "<a/><b/>"} {
		_, _, _, err := Read([]byte(text))
		require.Error(t, err, text)
	}
}
