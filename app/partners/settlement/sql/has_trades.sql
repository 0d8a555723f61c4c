SELECT EXISTS (SELECT FROM /* include candidates_scope */)
