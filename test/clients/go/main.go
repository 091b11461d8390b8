// BuildKit's client of the actions cache, one operation a run: save KEY FILE, or load FILE KEY... The environment is
// the job's own. Prints one line of JSON: what came of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	actionscache "github.com/tonistiigi/go-actions-cache"
)

type outcome struct {
	OK bool `json:"ok"`
	// Key of the entry that was found.
	Key string `json:"key,omitempty"`
	// Why not: exists, miss or error.
	Kind   string `json:"kind,omitempty"`
	Detail string `json:"detail,omitempty"`
}

func main() {
	result, err := perform(context.Background(), os.Args[1:])
	switch {
	// What BuildKit asks of an error before it goes on as if it had saved.
	case errors.Is(err, os.ErrExist):
		result = outcome{Kind: "exists", Detail: err.Error()}
	case err != nil:
		result = outcome{Kind: "error", Detail: err.Error()}
	}
	line, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func perform(ctx context.Context, words []string) (outcome, error) {
	cache, err := actionscache.TryEnv(actionscache.Opt{})
	if err != nil {
		return outcome{}, err
	}
	if cache == nil {
		return outcome{}, errors.New("the environment names no cache")
	}
	if len(words) < 3 {
		return outcome{}, errors.New("save KEY FILE | load FILE KEY...")
	}
	switch words[0] {
	case "save":
		return save(ctx, cache, words[1], words[2])
	case "load":
		return load(ctx, cache, words[1], words[2:])
	}
	return outcome{}, fmt.Errorf("unknown operation %q", words[0])
}

func save(ctx context.Context, cache *actionscache.Cache, key, file string) (outcome, error) {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return outcome{}, err
	}
	return outcome{OK: true, Key: key}, cache.Save(ctx, key, actionscache.NewBlob(bytes))
}

func load(ctx context.Context, cache *actionscache.Cache, file string, keys []string) (outcome, error) {
	entry, err := cache.Load(ctx, keys...)
	if err != nil {
		return outcome{}, err
	}
	if entry == nil {
		return outcome{Kind: "miss"}, nil
	}
	target, err := os.Create(file)
	if err != nil {
		return outcome{}, err
	}
	defer target.Close()
	return outcome{OK: true, Key: entry.Key}, entry.WriteTo(ctx, target)
}
