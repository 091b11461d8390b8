{{/* Not empty when all that replicas of the api need to share is outside of them: the index and the bytes. */}}
{{- define "harrier.sharedStores" -}}
{{- if and .Values.cache.postgres.host (dig "s3" "bucket" "" .Values.cache) }}true{{ end }}
{{- end }}
