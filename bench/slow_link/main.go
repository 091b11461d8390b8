// A link between two network namespaces on which every packet takes so long: slow_link DEVICE DEVICE DELAY. It makes
// two TUN devices and carries packets from each to the other, until it is killed. For kernels without netem.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

const (
	// linux/if_tun.h
	setInterface  = 0x400454ca
	tunWithoutPI  = 0x0001 | 0x1000
	largestPacket = 65536
	// A millisecond of 8 GB/s in packets of this size; a full queue holds the sender up, and drops nothing.
	inFlight = 1024
)

type packet struct {
	bytes []byte
	due   time.Time
}

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("slow_link DEVICE DEVICE DELAY"))
	}
	delay, err := time.ParseDuration(os.Args[3])
	fail(err)
	one, other := open(os.Args[1]), open(os.Args[2])
	fmt.Println("devices made")
	go carry(one, other, delay)
	carry(other, one, delay)
}

func open(name string) *os.File {
	// Not blocking, so that Go's poller waits for packets and no thread does.
	descriptor, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK, 0)
	fail(err)
	var request struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:15], name)
	request.flags = tunWithoutPI
	pointer := uintptr(unsafe.Pointer(&request))
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(descriptor), setInterface, pointer); errno != 0 {
		fail(errno)
	}
	return os.NewFile(uintptr(descriptor), name)
}

func carry(from, to *os.File, delay time.Duration) {
	queue := make(chan packet, inFlight)
	free := make(chan []byte, inFlight+2)
	go func() {
		for one := range queue {
			time.Sleep(time.Until(one.due))
			// An error means that the device is down: the packet is lost, as on any link.
			_, _ = to.Write(one.bytes)
			free <- one.bytes[:largestPacket]
		}
	}()
	for {
		var buffer []byte
		select {
		case buffer = <-free:
		default:
			buffer = make([]byte, largestPacket)
		}
		length, err := from.Read(buffer)
		if err != nil {
			time.Sleep(time.Millisecond)
			free <- buffer
			continue
		}
		queue <- packet{buffer[:length], time.Now().Add(delay)}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
