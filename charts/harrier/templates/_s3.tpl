{{/* What the api is told of the bucket that keeps the cache's bytes; nothing where there is none. */}}
{{- define "harrier.s3Environment" -}}
{{- with .Values.cache.s3 }}
{{- if .bucket }}
- name: HARRIER_S3_BUCKET
  value: {{ .bucket | quote }}
- name: HARRIER_S3_ENDPOINT
  value: {{ .endpoint | quote }}
- name: HARRIER_S3_REGION
  value: {{ .region | quote }}
- name: HARRIER_S3_PREFIX
  value: {{ .prefix | quote }}
- name: HARRIER_S3_PATH_STYLE
  value: {{ .pathStyle | quote }}
- name: HARRIER_S3_CONDITIONAL_WRITES
  value: {{ .conditionalWrites | quote }}
{{- if .credentialsSecret }}
- name: HARRIER_S3_ACCESS_KEY_ID_FILE
  value: /etc/harrier/s3/accessKeyId
- name: HARRIER_S3_SECRET_ACCESS_KEY_FILE
  value: /etc/harrier/s3/secretAccessKey
{{- end }}
{{- if .caConfigMap }}
- name: HARRIER_S3_CA_FILE
  value: /etc/harrier/s3-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "harrier.s3Mounts" -}}
{{- with .Values.cache.s3 }}
{{- if and .bucket .credentialsSecret }}
- name: s3
  mountPath: /etc/harrier/s3
  readOnly: true
{{- end }}
{{- if and .bucket .caConfigMap }}
- name: s3-ca
  mountPath: /etc/harrier/s3-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "harrier.s3Volumes" -}}
{{- with .Values.cache.s3 }}
{{- if and .bucket .credentialsSecret }}
- name: s3
  secret:
    secretName: {{ .credentialsSecret }}
    items:
      - key: accessKeyId
        path: accessKeyId
      - key: secretAccessKey
        path: secretAccessKey
{{- end }}
{{- if and .bucket .caConfigMap }}
- name: s3-ca
  configMap:
    name: {{ .caConfigMap }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* Where the api reaches the bucket. */}}
{{- define "harrier.s3Egress" -}}
{{- if .Values.cache.s3.bucket }}
- ports:
    {{- range .Values.networkPolicy.s3To.ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.s3To.cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
