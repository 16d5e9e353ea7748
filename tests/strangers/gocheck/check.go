// Checks a transparency log that lies in a folder, by the packages of Go's module mirror: its note, its whole tree, its
// leaves, and the proofs beside it. Speaks to nobody. Prints one JSON document.
//
//	check FOLDER VKEY [PROOF...]   a PROOF is a file of c2sp.org/tlog-proof, or of "old SIZE ROOT" and hashes
//	check flips FOLDER VKEY FILE   each line of FILE is a tile's path, a bit of it that is turned, and the index of a
//	                               leaf that is then proven by the tiles: how often that is refused
//	check sign NAME TEXT           a key of its own, and a note that is signed with it
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type folder string

func (f folder) Height() int { return height }

func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

// ReadTiles reads what c2sp.org/tlog-tiles calls tile/L/N; this package puts the height before the level.
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f folder) leaves(size int64) [][]byte {
	var found [][]byte
	for start := int64(0); start < size; start += 1 << height {
		width := size - start
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: start >> height, W: int(width)}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/data/", height), "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		must(err)
		for len(data) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(data))
			found = append(found, data[2:end])
			data = data[end:]
		}
	}
	return found
}

// flipped is a folder in which one bit of one tile is another one.
type flipped struct {
	folder
	path string
	bit  int64
}

func (f flipped) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found, err := f.folder.ReadTiles(tiles)
	for i := range found {
		if f.path == strings.Replace(tiles[i].Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1) {
			found[i][f.bit/8] ^= 1 << (f.bit % 8)
		}
	}
	return found, err
}

func proven(tree tlog.Tree, tiles tlog.TileReader, index int64, leaf []byte) error {
	proof, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, tiles))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaf))
}

func flips(tree tlog.Tree, where folder, file string) {
	data, err := os.ReadFile(file)
	must(err)
	refused, of := int64(0), int64(0)
	leaves := where.leaves(tree.N)
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		words := strings.Fields(line)
		index := numberOf(words[2])
		must(proven(tree, where, index, leaves[index]))
		of++
		if proven(tree, flipped{where, words[0], numberOf(words[1])}, index, leaves[index]) != nil {
			refused++
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]int64{"of": of, "refused": refused}))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func hashOf(text string) tlog.Hash {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	var hash tlog.Hash
	if copy(hash[:], data) != len(hash) || len(data) != len(hash) {
		log.Fatal("no hash: ", text)
	}
	return hash
}

func numberOf(text string) int64 {
	number, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return number
}

func sign(name, text string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]string{"vkey": vkey, "note": string(signed)}))
}

func main() {
	if os.Args[1] == "sign" {
		sign(os.Args[2], os.Args[3])
		return
	}
	words := os.Args[1:]
	turned := words[0] == "flips"
	if turned {
		words = words[1:]
	}
	where := folder(words[0])
	signed, err := os.ReadFile(filepath.Join(string(where), "checkpoint"))
	must(err)
	verifier, err := note.NewVerifier(words[1])
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	tree := tlog.Tree{N: numberOf(lines[1]), Hash: hashOf(lines[2])}
	if turned {
		flips(tree, where, words[2])
		return
	}
	reader := tlog.TileHashReader(tree, where)
	root, err := tlog.TreeHash(tree.N, reader)
	must(err)
	if root != tree.Hash {
		log.Fatal("the tiles have another root than the checkpoint")
	}
	leaves := where.leaves(tree.N)
	if int64(len(leaves)) != tree.N {
		log.Fatal("the bundles have ", len(leaves), " leaves")
	}
	for start := 0; start < len(leaves); start += 4096 {
		var indexes []int64
		for i := start; i < len(leaves) && i < start+4096; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
		}
		hashes, err := reader.ReadHashes(indexes)
		must(err)
		for i, hash := range hashes {
			if hash != tlog.RecordHash(leaves[start+i]) {
				log.Fatal("leaf ", start+i, " is not what its tile says")
			}
		}
	}
	checked := 0
	for _, path := range words[2:] {
		data, err := os.ReadFile(path)
		must(err)
		head := strings.Split(strings.SplitN(string(data), "\n\n", 2)[0], "\n")
		if head[0] == "c2sp.org/tlog-proof@v1" {
			index := numberOf(strings.TrimPrefix(head[1], "index "))
			var proof tlog.RecordProof
			for _, line := range head[2:] {
				proof = append(proof, hashOf(line))
			}
			must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaves[index])))
		} else {
			old := strings.Fields(head[0])
			var proof tlog.TreeProof
			for _, line := range head[1:] {
				proof = append(proof, hashOf(line))
			}
			must(tlog.CheckTree(proof, tree.N, tree.Hash, numberOf(old[1]), hashOf(old[2])))
		}
		checked++
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]int64{"size": tree.N, "proofs": int64(checked)}))
}
