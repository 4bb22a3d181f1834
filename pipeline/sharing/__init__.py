"""The dataset in the forms that others read: one module a form, and what stands beside each of them."""
