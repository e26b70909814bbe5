"""`receiver numbers`: what is for sale, what it costs, what you hold. No command gives a number up."""
