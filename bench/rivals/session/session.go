// Package session lets the benchmark drive a rival: a line of JSON for each request, a line for each
// answer with the times that the work itself took. The program stays the same process throughout, so
// that nobody pays for a fork that another does not.
package session

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// Device is the interface that is configured.
const Device = "wg0"

// Request is what the benchmark asks for: something done to the peers From to From+Count-1.
type Request struct {
	Op    string `json:"op"`
	From  int    `json:"from"`
	Count int    `json:"count"`
	// Batch is the number of peers in a message of a fill; 0 leaves that to the library.
	Batch int `json:"batch"`
	// Wide gives every peer a network of its own besides its address.
	Wide bool `json:"wide"`
	// Key and Prefix are of a peer that is to be kept throughout.
	Key    string `json:"key"`
	Prefix string `json:"prefix"`
}

// Answer holds milliseconds: of the wall for each step, of the processor for all of them.
type Answer struct {
	WallMs []float64 `json:"wallMs"`
	CPUMs  float64   `json:"cpuMs"`
	Error  string    `json:"error,omitempty"`
}

// Way is a way to configure an interface.
type Way interface {
	Keep(peer wgtypes.PeerConfig)
	Fill(peers []wgtypes.PeerConfig, batch int) error
	Add(peer wgtypes.PeerConfig) error
	Change(peer wgtypes.PeerConfig) error
	Remove(key wgtypes.Key) error
}

// Peer is the peer of that number. The programs of all ways make the same ones.
func Peer(number int, changed, wide bool) wgtypes.PeerConfig {
	second := byte(97)
	if changed {
		second = 98
	}
	allowed := []net.IPNet{{
		IP:   net.IPv4(100, second, byte(number>>8), byte(number)).To4(),
		Mask: net.CIDRMask(32, 32),
	}}
	if wide {
		allowed = append(allowed, Network(number))
	}
	return wgtypes.PeerConfig{
		PublicKey:         sha256.Sum256(fmt.Appendf(nil, "peer-%d", number)),
		ReplaceAllowedIPs: true,
		AllowedIPs:        allowed,
	}
}

// Network is the network behind a peer.
func Network(number int) net.IPNet {
	return net.IPNet{
		IP:   net.IPv4(10, byte(number>>8), byte(number), 0).To4(),
		Mask: net.CIDRMask(24, 32),
	}
}

// Serve answers requests until standard input ends.
func Serve(way Way) error {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	fmt.Println("ready")
	for lines.Scan() {
		var request Request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			return err
		}
		answer, err := perform(way, request)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func perform(way Way, request Request) (Answer, error) {
	numbers := make([]int, request.Count)
	for at := range numbers {
		numbers[at] = request.From + at
	}
	switch request.Op {
	case "keep":
		key, err := wgtypes.ParseKey(request.Key)
		if err != nil {
			return Answer{}, err
		}
		_, network, err := net.ParseCIDR(request.Prefix)
		if err != nil {
			return Answer{}, err
		}
		way.Keep(wgtypes.PeerConfig{
			PublicKey: key, ReplaceAllowedIPs: true, AllowedIPs: []net.IPNet{*network},
		})
		return Answer{}, nil
	case "fill":
		peers := make([]wgtypes.PeerConfig, 0, request.Count)
		for _, number := range numbers {
			peers = append(peers, Peer(number, false, request.Wide))
		}
		return timed([]int{0}, func(int) error { return way.Fill(peers, request.Batch) })
	case "add":
		return timed(numbers, func(number int) error {
			return way.Add(Peer(number, false, request.Wide))
		})
	case "change":
		return timed(numbers, func(number int) error {
			return way.Change(Peer(number, true, request.Wide))
		})
	case "remove":
		return timed(numbers, func(number int) error {
			return way.Remove(Peer(number, false, false).PublicKey)
		})
	}
	return Answer{}, fmt.Errorf("unknown request %q", request.Op)
}

func timed(numbers []int, step func(number int) error) (Answer, error) {
	answer := Answer{WallMs: make([]float64, 0, len(numbers))}
	before := cpuMs()
	for _, number := range numbers {
		begin := time.Now()
		if err := step(number); err != nil {
			return answer, err
		}
		answer.WallMs = append(answer.WallMs, float64(time.Since(begin).Nanoseconds())/1e6)
	}
	answer.CPUMs = cpuMs() - before
	return answer, nil
}

func cpuMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}
