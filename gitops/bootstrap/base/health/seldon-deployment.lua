-- Argo CD knows what an InferenceService means, and no SeldonDeployment. Its operator writes Available, Creating or Failed to status.state.
-- https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks
local status = obj.status
if status == nil or status.state == nil or status.state == "" then
  return { status = "Progressing", message = "Seldon's operator has not looked at it yet" }
end
local seen = status.observedGeneration
if seen ~= nil and seen > 0 and obj.metadata.generation ~= nil and seen < obj.metadata.generation then
  return { status = "Progressing", message = "Seldon's operator has not looked at its newest version yet" }
end
local message = status.description or ""
if status.state == "Available" then
  return { status = "Healthy", message = message }
end
if status.state == "Failed" then
  return { status = "Degraded", message = message ~= "" and message or "Seldon's operator says Failed" }
end
return { status = "Progressing", message = message ~= "" and message or "Seldon's operator says " .. status.state }
