/** Of a launcher's script: the runner and its jobs trust the pool's own authority besides the system's. */
export const TRUST_AUTHORITY = `if [ -f "$HARRIER_JOIN_DIR/ca.crt" ]; then
  SSL_CERT_FILE=$(mktemp)
  cat /etc/ssl/certs/ca-certificates.crt "$HARRIER_JOIN_DIR/ca.crt" 2>/dev/null >"$SSL_CERT_FILE" || true
  NODE_EXTRA_CA_CERTS=\${NODE_EXTRA_CA_CERTS:-$SSL_CERT_FILE}
  export SSL_CERT_FILE NODE_EXTRA_CA_CERTS
fi`;
