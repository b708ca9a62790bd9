"""The manifest that a model starts with, before people make it theirs."""

from __future__ import annotations

from typing import Final

FIRST: Final = """\
# What runs of the model {model}. Slipway edits which release that is, its traffic and its replicas; everything else
# may be edited by hand, and stays. To roll back: `slipway history {model}` prints the one command.
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/managed-by: slipway
    app.kubernetes.io/part-of: slipway
spec:
  name: {name}
  predictors:
    - name: default
      annotations:
        seldon.io/no-engine: "true"
{annotations}\
      replicas: {replicas}
      traffic: 100
      graph:
        name: model
        type: MODEL
        endpoint:
          type: REST
        children: []
      componentSpecs:
        - spec:
            containers:
              - name: model
                image: {image}
                resources:
                  requests:
                    cpu: 100m
                    memory: 256Mi
                  limits:
                    cpu: "1"
                    memory: 1Gi
                startupProbe:
                  httpGet:
                    path: /health/ping
                    port: http
                  periodSeconds: 1
                  failureThreshold: 60
                readinessProbe:
                  httpGet:
                    path: /health/ping
                    port: http
                  periodSeconds: 2
                livenessProbe:
                  httpGet:
                    path: /health/ping
                    port: http
                  periodSeconds: 10
                  timeoutSeconds: 5
                securityContext:
                  allowPrivilegeEscalation: false
                  capabilities:
                    drop:
                      - ALL
                  readOnlyRootFilesystem: true
                  runAsNonRoot: true
                  seccompProfile:
                    type: RuntimeDefault
                volumeMounts:
                  - name: tmp
                    mountPath: /tmp
            volumes:
              - name: tmp
                emptyDir: {{}}
"""
"""Restricted as OpenShift and the Kubernetes Pod Security Standards ask, sized for a small ONNX model.

Seldon's operator adds the port `http` that the probes ask; `no-engine` leaves out its sidecar, which one node has no
use for.
"""
