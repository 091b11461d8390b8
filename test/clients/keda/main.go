// KEDA's own client of an external scaler, one question a run: METHOD ADDRESS REQUEST, where the request is a
// ScaledObjectRef as JSON. Prints a line of JSON for each answer, and one for what it ended with. With the folder
// SCALER_TLS it trusts its ca.crt, and shows client.crt and client.key where they are.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) != 4 {
		panic("usage: METHOD ADDRESS REQUEST")
	}
	err := ask(os.Args[1], os.Args[2], os.Args[3])
	if errors.Is(err, io.EOF) {
		err = nil
	}
	line, _ := json.Marshal(map[string]any{"code": status.Code(err).String(), "message": status.Convert(err).Message()})
	fmt.Println(string(line))
}

func ask(method, address, text string) error {
	var ref pb.ScaledObjectRef
	if err := json.Unmarshal([]byte(text), &ref); err != nil {
		return err
	}
	creds, err := transport(os.Getenv("SCALER_TLS"))
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		return err
	}
	defer connection.Close()
	client := pb.NewExternalScalerClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch method {
	case "IsActive":
		return answered(client.IsActive(ctx, &ref))
	case "GetMetricSpec":
		return answered(client.GetMetricSpec(ctx, &ref))
	case "GetMetrics":
		spec, err := client.GetMetricSpec(ctx, &ref)
		if err != nil {
			return err
		}
		name := spec.GetMetricSpecs()[0].GetMetricName()
		return answered(client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: &ref, MetricName: name}))
	case "StreamIsActive":
		stream, err := client.StreamIsActive(ctx, &ref)
		if err != nil {
			return err
		}
		for {
			if err := answered(stream.Recv()); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("no method %s", method)
}

func answered(answer any, err error) error {
	if err != nil {
		return err
	}
	line, err := json.Marshal(answer)
	fmt.Println(string(line))
	return err
}

func transport(folder string) (credentials.TransportCredentials, error) {
	if folder == "" {
		return insecure.NewCredentials(), nil
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(authority)
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "client.crt"), filepath.Join(folder, "client.key"))
	if err == nil {
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}
