# Sourced. Trust what this machine trusts: uv and Node bring lists of their own, which know no company's certificate.
machine_certificates=/etc/ssl/certs/ca-certificates.crt
if [ -r "$machine_certificates" ]; then
    export UV_SYSTEM_CERTS=true
    export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$machine_certificates}"
fi
